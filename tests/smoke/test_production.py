"""The README's production lines, under gunicorn."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.trial import Trial, free_ports

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run on Windows")


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """What an admin sets: secrets in files, as the README has it."""
    given = {"APP_ENV": "", "TRUSTED_PROXIES": getattr(request, "param", "1")}
    for name in ("SECRET_KEY", "TOKEN_ENCRYPTION_SECRET"):
        path = tmp_path / name.lower()
        path.write_text(secrets.token_urlsafe(32) + "\n")
        given[f"{name}_FILE"] = str(path)
    return given


@pytest.fixture
def site(tmp_path: Path, settings: dict[str, str]) -> Iterator[httpx2.Client]:
    trial = Trial(tmp_path / "a site")
    assert trial.flask("db", "upgrade", **settings).returncode == 0
    port = free_ports(1)[0]
    command = ["-c", "docs/deployment/gunicorn.conf.py", "-b", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *command, "wsgi:app"],
        cwd=trial.folder,
        env=trial.environment(**settings),
        stdin=subprocess.DEVNULL,
    )
    # What the reverse proxy sets.
    proxied = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Host": "market.test",
    }
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=proxied, trust_env=False) as client:
            wait_until_it_answers(client, server)
            yield client
    finally:
        server.terminate()
        server.wait(15)


def wait_until_it_answers(client: httpx2.Client, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None
        try:
            client.get("/healthz")
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("gunicorn does not answer")


def test_it_serves_behind_a_proxy_with_cookies_for_https_only(site: httpx2.Client) -> None:
    ready = site.get("/readyz")
    page = site.get("/login")

    assert ready.status_code == 200, ready.text
    assert page.status_code == 200
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
    assert "max-age" in page.headers["Strict-Transport-Security"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_strangers_cannot_sign_up_unless_told_so(site: httpx2.Client) -> None:
    assert site.get("/sign-up").status_code == 404


def test_plain_http_leads_to_https_whatever_a_client_of_this_machine_makes_up(site: httpx2.Client) -> None:
    # gunicorn itself believes these from 127.0.0.1; the proxy's own word comes last.
    for made_up in ({"X-Forwarded-Proto": "https, http"}, {"X-Forwarded-Proto": "http"}):
        answer = site.get("/login", headers=made_up)
        assert answer.status_code == 308
        assert answer.headers["Location"] == "https://market.test/login"
    refused = site.post(
        "/api/session", json={"email": "x", "password": "y"}, headers={"X-Forwarded-Proto": "http"}
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "https_required")


@pytest.mark.parametrize("settings", ["0"], indirect=True)
def test_without_proxies_nobody_is_believed_on_this_machine_either(site: httpx2.Client) -> None:
    # gunicorn itself takes the scheme from these headers of 127.0.0.1.
    assert site.get("/login").status_code == 308
    assert site.get("/login", headers={"X-Forwarded-Protocol": "ssl"}).status_code == 308
    assert site.get("/healthz").status_code == 200


def test_it_does_not_start_without_secrets(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "a site")
    weak = "example-secret-that-somebody-copied-somewhere"

    nothing = trial.flask("db", "upgrade", APP_ENV="")
    copied = trial.flask("db", "upgrade", APP_ENV="", SECRET_KEY=weak)

    assert nothing.returncode != 0
    assert "SECRET_KEY is not set" in nothing.stderr
    assert copied.returncode != 0
    assert "SECRET_KEY" in copied.stderr
    assert weak not in copied.stdout + copied.stderr
