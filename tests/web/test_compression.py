"""Answers are compressed for who takes that; pages only when no other site can have asked for them."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.factories import PASSWORD, make_server, make_user
from tests.pages import PageClient

STATIC = "/static/css/app.css"


@pytest.fixture
def ann(app: Flask, client: PageClient) -> PageClient:
    with app.app_context():
        make_user()
        make_server()
    client.sign_in("ann@example.com", PASSWORD)
    return client


def ask(
    client: PageClient, path: str, site: str | None = "same-origin", takes: str = "gzip, br"
) -> TestResponse:
    """Ask past the client's own checks, which read text."""
    headers = {"Accept-Encoding": takes} | ({"Sec-Fetch-Site": site} if site else {})
    return super(PageClient, client).open(path, headers=headers, buffered=True)


def is_compressed(answer: TestResponse) -> bool:
    return answer.headers.get("Content-Encoding") == "gzip"


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_page_that_its_reader_asked_for_is_compressed(ann: PageClient, site: str) -> None:
    answer = ask(ann, "/settings/tokens", site)

    assert is_compressed(answer)
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert b"<h1>Tokens</h1>" in gzip.decompress(answer.data)
    assert {"accept-encoding", "sec-fetch-site"} <= {name.lower() for name in answer.vary}


@pytest.mark.parametrize("site", ["cross-site", "same-site", "made-up", None])
def test_a_page_that_another_site_may_have_asked_for_is_not(ann: PageClient, site: str | None) -> None:
    answer = ask(ann, "/settings/tokens?q=guess", site)

    assert not is_compressed(answer)
    assert b"guess" in answer.data


@pytest.mark.parametrize("takes", ["", "identity", "br", "gzip;q=0"])
def test_who_does_not_take_gzip_gets_none(ann: PageClient, takes: str) -> None:
    assert not is_compressed(ask(ann, "/settings/tokens", takes=takes))
    assert not is_compressed(ask(ann, STATIC, takes=takes))


@pytest.mark.parametrize("site", ["cross-site", None])
def test_a_static_file_holds_nothing_to_guess(ann: PageClient, site: str | None) -> None:
    answer = ask(ann, STATIC, site)

    assert is_compressed(answer)
    assert gzip.decompress(answer.data) == ask(ann, STATIC, takes="").data
    assert answer.headers["ETag"].startswith('W/"')


def test_a_file_that_a_browser_has_is_not_sent_again(ann: PageClient) -> None:
    tag = ask(ann, STATIC).headers["ETag"]

    again = super(PageClient, ann).open(
        STATIC, headers={"Accept-Encoding": "gzip", "If-None-Match": tag}, buffered=True
    )

    assert again.status_code == 304
    assert again.data == b""


def test_the_api_with_its_form_token_is_never_compressed(ann: PageClient) -> None:
    assert not is_compressed(ask(ann, "/api/session"))
    assert not is_compressed(ask(ann, "/api/mcp-servers"))


def test_an_error_page_is_a_page(ann: PageClient) -> None:
    answer = ask(ann, "/settings/nothing")

    assert answer.status_code == 404
    assert is_compressed(answer)
