"""HTTPS only: in production plain HTTP leads to HTTPS, or is refused before a body is read."""

from __future__ import annotations

import io
import secrets
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.web.headers import STRICT_TRANSPORT_SECURITY
from app.web.https_only import OwnScheme
from tests import databases
from tests.canary import CANARY
from tests.pages import PageClient
from tests.web.api.conftest import assert_problem


class Unread(io.BytesIO):
    """A body that notices when somebody reads it."""

    was_read = False

    def read(self, *args: int) -> bytes:  # type: ignore[override]
        self.was_read = True
        return super().read(*args)

    readline = readinto = read  # type: ignore[assignment]


def production(database_url: str, tmp_path: Path, **settings: object) -> Flask:
    app = create_app(
        {
            "APP_ENV": "production",
            "SECRET_KEY": secrets.token_urlsafe(32),
            "TOKEN_ENCRYPTION_SECRET": secrets.token_urlsafe(32),
            "SQLALCHEMY_DATABASE_URI": database_url,
            "INSTANCE_PATH": str(tmp_path / "instance"),
            **settings,
        }
    )
    app.test_client_class = PageClient
    return app


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    app = production(database_url, tmp_path)
    yield app
    databases.dispose(app)


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/", "https://localhost/"),
        ("/login?next=/playground", "https://localhost/login?next=/playground"),
        ("/settings/tokens?q=%ED%95%9C", "https://localhost/settings/tokens?q=%ED%95%9C"),
        ("/static/css/app.css", "https://localhost/static/css/app.css"),
        ("/nothing", "https://localhost/nothing"),
    ],
)
def test_a_page_over_plain_http_leads_to_https(client: PageClient, path: str, leads_to: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.location) == (308, leads_to)
    assert "Set-Cookie" not in answer.headers
    assert "Strict-Transport-Security" not in answer.headers


def test_whatever_port_it_was_https_has_its_own(client: PageClient) -> None:
    assert client.get("/login", base_url="http://market.test:8000").location == "https://market.test/login"
    assert client.get("/login", base_url="http://[::1]:8000").location == "https://[::1]/login"


def test_a_form_is_not_sent_again_by_itself_and_not_read(client: PageClient) -> None:
    body = Unread(f"email=a&password={CANARY}".encode())

    answer = client.post(
        "/login", input_stream=body, content_type="application/x-www-form-urlencoded", content_length=30
    )

    assert (answer.status_code, answer.location) == (303, "https://localhost/login")
    assert not body.was_read


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/session"), ("POST", "/api/mcp-servers/1/auth-token")]
)
def test_the_api_refuses_without_reading_and_says_that_the_token_is_exposed(
    client: PageClient, method: str, path: str
) -> None:
    body = Unread(f'{{"token": "{CANARY}"}}'.encode())

    answer = client.open(
        path, method=method, input_stream=body, content_type="application/json", content_length=50
    )

    document = assert_problem(answer, 400, "https_required")
    assert "exposed" in document["detail"]
    assert not body.was_read
    assert client.get("/api/mcp-servers").status_code == 400


def test_a_secret_in_the_address_is_not_repeated_in_a_redirect(client: PageClient) -> None:
    answer = client.get(f"/settings/tokens?token={secrets.token_urlsafe(8)}hunter2")

    assert answer.status_code == 400
    assert "hunter2" not in str(answer.headers) + answer.text


def test_health_is_asked_over_plain_http(client: PageClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_over_https_it_serves_and_asks_to_be_kept_there(client: PageClient) -> None:
    answer = client.get("/login", base_url="https://localhost")

    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == STRICT_TRANSPORT_SECURITY
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-session=")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Protocol": "ssl"},
        {"X-Forwarded-Ssl": "on"},
        {"Forwarded": "proto=https"},
        {"X-Url-Scheme": "https"},
        {"Front-End-Https": "on"},
    ],
)
def test_without_proxies_no_header_makes_it_https(client: PageClient, header: dict[str, str]) -> None:
    assert client.get("/login", headers=header).status_code == 308


def test_with_one_proxy_its_word_counts_and_the_clients_does_not(database_url: str, tmp_path: Path) -> None:
    app = production(database_url, tmp_path, TRUSTED_PROXIES=1)
    client = app.test_client()

    ours = client.get("/login", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "market.test"})
    made_up = client.get("/login", headers={"X-Forwarded-Proto": "https, http"})

    databases.dispose(app)
    assert (ours.status_code, made_up.status_code) == (200, 308)


def test_the_scheme_comes_from_the_socket_whatever_gunicorn_took_it_from() -> None:
    seen = []

    def inner(environ: dict[str, object], _start: object) -> list[bytes]:
        seen.append(environ["wsgi.url_scheme"])
        return []

    for environ in (
        {"wsgi.url_scheme": "https", "gunicorn.socket": object()},
        {"wsgi.url_scheme": "http", "gunicorn.socket": ssl.SSLSocket.__new__(ssl.SSLSocket)},
        {"wsgi.url_scheme": "https"},
    ):
        OwnScheme(inner)(environ, lambda *_: lambda _: None)  # type: ignore[arg-type]

    assert seen == ["http", "https", "https"]
