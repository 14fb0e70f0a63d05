"""What pages take: forms, of a length that is said and not too large."""

from __future__ import annotations

from io import BytesIO

import pytest

from tests.pages import PageClient

# What a body may be is decided before any database is asked.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_form_without_a_length_is_refused_before_it_is_read(client: PageClient) -> None:
    body = b"email=ann%40example.com&password=" + b"x" * 200_000

    answer = client.post(
        "/login",
        input_stream=BytesIO(body),
        headers={"Transfer-Encoding": "chunked", "Content-Type": "application/x-www-form-urlencoded"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert answer.status_code == 411


@pytest.mark.parametrize("body", ['"x"', "[]", "null", "[[]]", '{"email": ["a"]}', "{"])
@pytest.mark.parametrize("path", ["/login", "/sign-up", "/logout", "/settings/tokens/1", "/playground/1"])
def test_a_page_takes_no_json(client: PageClient, path: str, body: str) -> None:
    assert client.post(path, data=body, content_type="application/json").status_code == 415


def test_a_form_that_is_too_long_is_refused(client: PageClient) -> None:
    assert client.post("/login", data={"email": "x" * 200_000}).status_code == 413
