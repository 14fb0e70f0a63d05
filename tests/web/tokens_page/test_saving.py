from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from tests.canary import CANARY, CANARY_HINT
from tests.factories import PASSWORD, make_token
from tests.pages import Element, Page, PageClient

LIST = "/settings/tokens"


def row_of(page: Page, server: Server) -> Element:
    return page.find("tr", id=f"server-{server.id}")[0]


def saved(app: Flask) -> list[Token]:
    with app.app_context():
        return list(db.session.scalars(select(Token).order_by(Token.id)))


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_token_is_saved_in_its_row_and_shown_as_a_hint(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    form = client.get_page(LIST).form(f"{LIST}/{github.id}")

    answer = client.submit(form, token=f"Bearer {CANARY}", expires_in="never")

    assert (answer.status_code, answer.location) == (303, f"{LIST}#server-{github.id}")
    page = client.get_page(LIST)
    assert "Token saved for GitHub. Taken off the paste: the scheme word" in words(page.text)
    assert CANARY_HINT in row_of(page, github).text
    assert "Saved" in row_of(page, github).text
    assert [token.token_hint for token in saved(app)] == [CANARY_HINT]


def test_saving_again_replaces_and_says_so(app: Flask, client: PageClient, ann: User, github: Server) -> None:
    with app.app_context():
        make_token(ann, github, "an-older-token-0123456789")

    answer = client.submit(client.get_page(LIST).form(f"{LIST}/{github.id}"), token=CANARY)

    assert answer.status_code == 303
    assert "Token replaced for GitHub." in client.get_page(LIST).text
    assert [token.token_hint for token in saved(app)] == [CANARY_HINT]


def test_one_comes_back_to_the_same_place_of_the_list(client: PageClient, ann: User, github: Server) -> None:
    form = client.get_page(f"{LIST}?q=git&status=none").form(f"{LIST}/{github.id}")

    answer = client.submit(form, token=CANARY)

    assert answer.location == f"{LIST}?q=git&status=none#server-{github.id}"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (("never", "2020-01-01"), None),
        (("7", ""), timedelta(days=7)),
        (("365", ""), timedelta(days=365)),
        (("custom", "2099-12-31"), datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_token_expires_when_its_owner_says(
    app: Flask, client: PageClient, ann: User, github: Server, chosen: tuple[str, str], expected: object
) -> None:
    form = client.get_page(LIST).form(f"{LIST}/{github.id}")

    client.submit(form, token=CANARY, expires_in=chosen[0], expires_on=chosen[1])

    expires_at = saved(app)[0].expires_at
    if isinstance(expected, timedelta):
        assert expires_at is not None
        assert abs(expires_at - clock.now() - expected) < timedelta(minutes=1)
    else:
        assert expires_at == expected


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"token": ""}, "token"),
        ({"token": "********"}, "token"),
        ({"token": "${TOKEN}"}, "token"),
        ({"token": f"{CANARY} {CANARY}"}, "token"),
        ({"token": CANARY, "expires_in": "soon"}, "expires_in"),
        ({"token": CANARY, "expires_in": ""}, "expires_in"),
        ({"token": CANARY, "expires_in": "custom", "expires_on": ""}, "expires_on"),
        ({"token": CANARY, "expires_in": "custom", "expires_on": "2020-01-01"}, "expires_on"),
        ({"token": CANARY, "expires_in": "custom", "expires_on": "20991231"}, "expires_on"),
    ],
)
def test_what_cannot_be_saved_comes_back_beside_its_field_with_the_token_field_empty(
    app: Flask, client: PageClient, ann: User, github: Server, fields: dict[str, str], wrong: str
) -> None:
    with app.app_context():
        make_token(ann, github, "an-older-token-0123456789")
    form = client.get_page(LIST).form(f"{LIST}/{github.id}")

    answer = client.submit(form, **fields)

    assert answer.status_code == 422
    page = Page(answer.text)
    field = next(one for one in page.find("input", "select") if one.attributes.get("name") == wrong)
    assert field.attributes["aria-invalid"] == "true"
    assert f"{wrong}-error" in field.attributes["aria-describedby"]
    assert page.find("p", id=f"{wrong}-error")
    assert "autofocus" in page.find("div", role="alert")[0].attributes
    assert page.form(f"{LIST}/{github.id}").values["token"] == ""
    assert [token.token_hint for token in saved(app)] == ["...6789"]


def test_what_else_was_typed_is_kept_when_a_token_is_refused(
    client: PageClient, ann: User, github: Server
) -> None:
    form = client.get_page(LIST).form(f"{LIST}/{github.id}")

    answer = client.submit(form, token="****", expires_in="custom", expires_on="2099-12-31")

    values = Page(answer.text).form(f"{LIST}/{github.id}").values
    assert (values["expires_in"], values["expires_on"], values["token"]) == ("custom", "2099-12-31", "")


def test_the_page_of_one_token_saves_it_too(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    path = f"{LIST}/{github.id}"

    answer = client.submit(client.get_page(path).form(path), token=CANARY)

    assert answer.status_code == 303
    assert CANARY_HINT in client.get_page(path).text


def test_deleting_asks_first_and_says_what_it_does_not_do(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    with app.app_context():
        make_token(ann, github)
    path = f"{LIST}/{github.id}/delete"

    asked = client.get_page(path)

    assert "does not revoke it at the provider" in words(asked.text)
    assert len(saved(app)) == 1

    answer = client.submit(asked.form(path))

    assert (answer.status_code, answer.location) == (303, f"{LIST}#server-{github.id}")
    assert "Token for GitHub deleted here." in client.get_page(LIST).text
    assert saved(app) == []
    assert client.get(path).location == f"{LIST}/{github.id}"


def test_with_a_key_that_does_not_open_the_data_the_list_works_and_saving_says_why(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    from app import create_app
    from tests import databases

    with app.app_context():
        make_token(ann, github)
    other = create_app(
        {
            "TESTING": True,
            "SQLALCHEMY_DATABASE_URI": app.config["SQLALCHEMY_DATABASE_URI"],
            "TOKEN_ENCRYPTION_SECRET": "another-secret-than-before-0123456789",
        }
    )
    other.test_client_class = PageClient
    stranger = other.test_client()
    assert isinstance(stranger, PageClient)
    stranger.sign_in(ann.email, PASSWORD)
    page = stranger.get_page(LIST)

    answer = stranger.submit(page.form(f"{LIST}/{github.id}"), token=CANARY)

    assert CANARY_HINT in row_of(page, github).text
    assert answer.status_code == 503
    assert "encryption key is not loaded" in answer.text
    delete = stranger.get_page(f"{LIST}/{github.id}/delete").form(f"{LIST}/{github.id}/delete")
    assert stranger.submit(delete).status_code == 303
    databases.dispose(other)
