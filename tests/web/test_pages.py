from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.services import sessions
from tests.factories import PASSWORD, make_user
from tests.pages import Page, PageClient

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def signed_in(app: Flask, client: PageClient) -> PageClient:
    with app.app_context():
        email = make_user().email
    client.sign_in(email, PASSWORD)
    return client


def test_a_page_that_is_not_there_is_a_page_with_a_way_back(signed_in: PageClient) -> None:
    answer = signed_in.get("/settings/nothing")

    assert answer.status_code == 404
    page = Page(answer.text)
    assert "Not found" in page.text
    assert answer.headers["X-Request-ID"] in page.text
    assert [one.text for one in page.find("a", class_="button")] == ["Back to your tokens"]


def test_a_form_that_is_not_from_a_page_of_ours_is_refused_with_a_page(signed_in: PageClient) -> None:
    answer = signed_in.post("/logout")

    assert answer.status_code == 400
    assert "not sent from a page of ours" in answer.text


def test_a_secret_in_an_address_is_refused_and_not_repeated(signed_in: PageClient) -> None:
    answer = signed_in.get("/settings/tokens?token=hunter2hunter2")

    assert answer.status_code == 400
    assert "hunter2" not in answer.text


def test_without_a_database_pages_say_so_instead_of_failing_again(
    signed_in: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("select", {}, Exception("down"))

    monkeypatch.setattr(sessions, "find_signed_in", fail)

    answer = signed_in.get("/settings/tokens")

    assert answer.status_code == 503
    assert "The database does not answer right now." in answer.text


def test_static_files_may_be_kept_for_a_year_when_the_address_names_their_content(client: PageClient) -> None:
    page = client.get_page("/login")
    addresses = [one.attributes["href"] for one in page.find("link")]
    addresses += [one.attributes["src"] for one in page.find("script")]
    assert len(addresses) >= 3

    for address in addresses:
        with client.get(address) as answer:
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        for other in (urlsplit(address).path, f"{urlsplit(address).path}?v=00000000"):
            with client.get(other) as answer:
                assert "immutable" not in answer.headers["Cache-Control"]


def test_pages_are_kept_by_nobody(signed_in: PageClient) -> None:
    for path in ("/login", "/settings/tokens", "/playground", "/settings/nothing"):
        assert signed_in.get(path).headers["Cache-Control"] == "no-store"


def test_every_page_works_from_our_own_files_alone() -> None:
    for path in [
        *ROOT.glob("templates/**/*.html"),
        *ROOT.glob("static/**/*.css"),
        *ROOT.glob("static/**/*.js"),
    ]:
        text = path.read_text(encoding="utf-8")
        assert "https://" not in text.replace("https://lucide.dev", ""), path
        assert "url(" not in text, path
        assert "innerHTML" not in text, path
        assert "localStorage" not in text, path
        assert "sessionStorage" not in text, path


def test_no_template_says_that_something_is_safe_except_the_icons() -> None:
    for path in ROOT.glob("templates/**/*.html"):
        if path.name != "icons.html":
            assert "safe }}" not in path.read_text(encoding="utf-8"), path
