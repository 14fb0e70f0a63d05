"""Without storing, and without anything stored any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from app import create_app
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from tests import databases
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.pages import Page, PageClient

LIST = "/settings/tokens"
ALL = f"{LIST}/delete-all"
STORING = "/settings/account/storing"


def words(text: str) -> str:
    return " ".join(text.split())


def tokens(app: Flask) -> int:
    with app.app_context():
        return len(db.session.scalars(select(Token)).all())


def test_a_person_who_wants_nothing_stored_is_offered_no_form_and_can_change_their_mind(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    with app.app_context():
        make_token(ann, github)
    form = client.get_page(f"{LIST}/{github.id}").form(f"{LIST}/{github.id}")
    choice = client.get_page("/settings/account").form(STORING)

    assert client.submit(choice, stores="off").status_code == 303

    page = client.get_page(LIST)
    assert "never to store your tokens" in words(page.text)
    assert page.find("a", href=ALL)
    assert not [one for one in page.find("form") if one.attributes["action"] == f"{LIST}/{github.id}"]
    answer = client.submit(form, token="another-token-012345")
    assert answer.status_code == 409
    assert "You chose never to store your tokens" in words(Page(answer.text).text)
    assert client.get_page(f"/playground/{github.id}").find("input", name="mcp_auth_token")
    assert tokens(app) == 1
    assert client.submit(choice, stores="on").status_code == 303
    assert client.submit(form, token="another-token-012345").status_code == 303
    with app.app_context():
        told = db.session.execute(
            select(AuditEvent.action, AuditEvent.outcome)
            .where(AuditEvent.action == "storing.changed")
            .order_by(AuditEvent.id)
        ).all()
        assert [tuple(row) for row in told] == [("storing.changed", "off"), ("storing.changed", "on")]


@pytest.mark.parametrize("choice", ["", "maybe"])
def test_a_choice_that_is_none_is_refused(client: PageClient, ann: User, choice: str) -> None:
    form = client.get_page("/settings/account").form(STORING)

    assert client.submit(form, stores=choice).status_code == 422


class TestOff:
    """An installation that stores nothing."""

    @pytest.fixture
    def app(self, database_url: str) -> Iterator[Flask]:
        given = {"SQLALCHEMY_DATABASE_URI": database_url, "TOKEN_STORAGE": "off"}
        app = create_app({"TESTING": True, **given})
        app.test_client_class = PageClient
        yield app
        databases.dispose(app)

    def test_saving_is_refused_with_the_reason_by_page_and_api(
        self, app: Flask, client: PageClient, ann: User, github: Server
    ) -> None:
        page = client.get_page(LIST)
        assert "This installation stores no tokens" in words(page.text)
        assert page.find("a", href=f"/playground/{github.id}")
        assert "never store" not in client.get_page("/settings/account").text.lower()
        headers = {"X-CSRFToken": client.csrf_token()}
        path = f"/api/mcp-servers/{github.id}/auth-token"

        for body in ({}, {"check": True}):
            answer = client.post(path, json={"token": "a-token-of-mine", **body}, headers=headers)
            assert (answer.status_code, answer.json["code"], answer.json["reason"]) == (
                409,
                "storage_off",
                "installation",
            )
        assert client.delete(path, headers=headers).status_code == 204
        assert tokens(app) == 0


def test_deleting_all_lists_the_providers_asks_for_the_password_and_contacts_nobody(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    with app.app_context():
        make_token(ann, github)
        make_token(ann, make_server("Gone", is_enabled=True), "short-one")
        ben = make_user("ben@example.com")
        make_token(ben, github, "a-token-of-bens-01")
    page = client.get_page(ALL)
    assert page.find("a", href="https://github.com/settings/tokens")
    assert "Gone" in page.text

    assert client.submit(page.form(ALL), password="wrong horse battery").status_code == 422
    assert tokens(app) == 3
    answer = client.submit(page.form(ALL), password=PASSWORD)

    done = Page(answer.text)
    assert answer.status_code == 200
    assert "2 tokens deleted here." in words(done.text)
    # Deleted here is not revoked there, so the links are what one needs now.
    assert done.find("a", href="https://github.com/settings/tokens")
    with app.app_context():
        assert [row.user_id for row in db.session.scalars(select(Token))] == [ben.id]
        deleted = select(AuditEvent.server_name).where(AuditEvent.action == "token.deleted")
        assert sorted(name or "" for name in db.session.scalars(deleted)) == ["GitHub", "Gone"]
    assert "You have saved no token." in words(client.get_page(ALL).text)
