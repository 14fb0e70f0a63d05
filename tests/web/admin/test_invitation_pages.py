"""Inviting on a page: the link is shown this once, mailed where mail is sent, and stands nowhere else."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app, mail
from app.errors import BusyError
from app.extensions import db
from app.models import PasswordReset
from app.services import accounts, invitations
from tests import databases
from tests.factories import ACTOR, PASSWORD, all_users, make_user
from tests.mail_servers import MailServer, Manner, mail_server
from tests.pages import Page, PageClient
from tests.web.account_pages.conftest import another_browser

EVE = "eve@example.com"
INVITE = "/admin/users/invite"
SITE = "https://market.example.org/mcp"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)


def use(app: Flask, server: MailServer) -> None:
    app.config.update(
        {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": server.port, "SMTP_SECURITY": "none"},
        MAIL_FROM="market@example.org",
        SITE_URL=SITE,
    )


@pytest.fixture
def post(app: Flask) -> Iterator[MailServer]:
    with mail_server() as server:
        use(app, server)
        yield server


def invite(carol: PageClient, email: str = EVE, role: str = "user", password: str = PASSWORD) -> TestResponse:
    return carol.submit(carol.get_page(INVITE).form(INVITE), email=email, role=role, password=password)


def link_in(answer: TestResponse) -> str:
    (field,) = Page(answer.text).find("input", id="link")
    return field.attributes["value"]


def path_in(answer: TestResponse) -> str:
    return "/reset-password/" + link_in(answer).rpartition("/")[2]


def test_an_invited_person_chooses_a_password_and_is_in_though_nobody_may_sign_up(database_url: str) -> None:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "REGISTRATION": "closed"})
    app.test_client_class = PageClient
    with app.app_context():
        make_user("carol@example.com", admin=True)
    carol, eve = another_browser(app), another_browser(app)
    carol.sign_in("carol@example.com", PASSWORD)

    answer = invite(carol, " Eve@Example.com", role="auditor")
    path = path_in(answer)
    assert link_in(answer) == f"http://localhost{path}"
    page = eve.get_page(path)
    assert page.find("h1")[0].text == "Welcome to MCP Market"
    assert eve.submit(page.form(path), password="short").status_code == 422
    assert eve.submit(page.form(path), password="a sentence of Eve's").status_code == 303

    assert "Your account is ready." in eve.get_page("/login").text
    eve.sign_in(EVE, "a sentence of Eve's")
    assert eve.get("/admin/audit").status_code == 200
    eve.get_page(path, status=404)
    databases.dispose(app)


def test_the_link_stands_on_its_page_alone(
    app: Flask, carol: PageClient, caplog: pytest.LogCaptureFixture, database_url: str
) -> None:
    with caplog.at_level("DEBUG"):
        answer = invite(carol)
        code = link_in(answer).rpartition("/")[2]
        another_browser(app).get_page(f"/reset-password/{code}")
        person = carol.get(f"/admin/users/{_id(app)}")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert code not in "".join(str(value) for value in answer.headers.values())
    assert code not in person.text + carol.get("/admin/audit").text + carol.get("/admin/users").text
    assert not [record for record in caplog.records if code in f"{record.getMessage()} {vars(record)}"]
    assert code not in databases.contents(database_url)


def _id(app: Flask) -> int:
    with app.app_context():
        return accounts.get_user(EVE).id


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("carol@example.com", "has an account already"),
        ("off@example.com", "is disabled"),
        ("eve@", "not an email address"),
        ("<script>@example.com", "not an email address"),
        ("a\r\nBcc: b@example.com", "not an email address"),
        ("", "Write their email address"),
    ],
)
def test_who_cannot_be_invited_is_said_with_the_reason(
    app: Flask, carol: PageClient, email: str, said: str
) -> None:
    with app.app_context():
        make_user("off@example.com")
        accounts.set_active("off@example.com", False, ACTOR)

    answer = invite(carol, email)

    assert (answer.status_code, said in answer.text) == (422, True)
    with app.app_context():
        assert len(all_users()) == 2


def test_an_invitation_asks_for_the_password_and_takes_known_roles_alone(
    app: Flask, carol: PageClient
) -> None:
    answers = [invite(carol, password="wrong horse battery"), invite(carol, role="root")]

    assert [answer.status_code for answer in answers] == [422, 422]
    with app.app_context():
        assert accounts.find_user(EVE) is None


def test_inviting_again_without_choosing_a_role_keeps_the_one_there_is(app: Flask, carol: PageClient) -> None:
    def role_of(email: str, **chosen: str) -> str:
        form = carol.get_page(INVITE).form(INVITE)
        assert carol.submit(form, email=email, password=PASSWORD, **chosen).status_code == 200
        with app.app_context():
            return accounts.get_user(email).role

    assert role_of(EVE, role="admin") == "admin"
    assert role_of(EVE) == "admin"
    assert role_of(EVE, role="user") == "user"
    assert role_of("new@example.com") == "user"


def test_a_new_link_replaces_the_old_one_and_goes_with_the_account(app: Flask, carol: PageClient) -> None:
    old = path_in(invite(carol))
    renew = f"/admin/users/{_id(app)}/invitation"

    new = path_in(carol.submit(carol.get_page(renew).form(renew), password=PASSWORD))

    eve = another_browser(app)
    eve.get_page(old, status=404)
    eve.get_page(new)
    with app.app_context():
        accounts.set_active(EVE, False, ACTOR)
    eve.get_page(new, status=404)
    assert carol.submit(carol.get_page(renew).form(renew), password=PASSWORD).status_code == 409


def test_with_a_mail_server_the_link_is_mailed_too(app: Flask, carol: PageClient, post: MailServer) -> None:
    answer = invite(carol)

    assert link_in(answer) == f"{SITE}{path_in(answer)}"
    assert "on its way" in answer.text
    assert post.recipients == [EVE]
    assert post.read()["Subject"] == "You are invited to MCP Market"
    assert link_in(answer) in post.text()


@pytest.mark.parametrize(
    "manner", [Manner(refuses=(EVE,)), Manner(hangs_at="greeting")], ids=["no", "silent"]
)
def test_when_the_mail_cannot_be_sent_the_page_says_so_and_shows_the_link(
    app: Flask, carol: PageClient, manner: Manner
) -> None:
    with mail_server(manner) as server:
        use(app, server)
        answer = invite(carol)

    assert (answer.status_code, "The mail could not be sent." in answer.text) == (200, True)
    another_browser(app).get_page(path_in(answer))


def test_no_transaction_is_open_while_the_mail_server_says_nothing(
    app: Flask, carol: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_when_mailing = []

    class WatchedSmtp(smtplib.SMTP):
        def connect(self, *args: Any, **options: Any) -> tuple[int, bytes]:
            open_when_mailing.append(db.session().in_transaction())
            return super().connect(*args, **options)

    monkeypatch.setattr(smtplib, "SMTP", WatchedSmtp)
    with mail_server() as server:
        use(app, server)
        invite(carol)

    assert open_when_mailing == [False]


def test_a_mail_waits_in_one_of_the_places_for_waiting_and_no_link_is_made_without_one(
    app: Flask, carol: PageClient, post: MailServer
) -> None:
    pages = {name: carol.get_page(INVITE) for name in ("free", "taken")}
    slots = app.extensions["call_slots"]
    with app.app_context():
        ann = make_user().id
    link = f"/admin/users/{ann}/password-link"
    link_page = carol.get_page(link)

    with ExitStack() as taken:
        with suppress(BusyError):
            for person in range(1000, 2000):
                taken.enter_context(slots.take(person))
        busy = carol.submit(pages["taken"].form(INVITE), email=EVE, password=PASSWORD)
        none = carol.submit(link_page.form(link), password=PASSWORD)

    assert (busy.status_code, none.status_code) == (503, 503)
    with app.app_context():
        assert db.session.scalars(db.select(PasswordReset)).all() == []
    assert carol.submit(pages["free"].form(INVITE), email=EVE, password=PASSWORD).status_code == 200


def test_a_link_to_a_new_password_is_mailed_and_never_shown(
    app: Flask, carol: PageClient, post: MailServer
) -> None:
    with app.app_context():
        path = f"/admin/users/{make_user('ann@example.com').id}/password-link"

    answer = carol.submit(carol.get_page(path).form(path), password=PASSWORD)

    link = re.search(r"/mcp(/reset-password/\S+)", post.text())
    assert link and post.recipients == ["ann@example.com"]
    shown = answer.text + carol.get(answer.location).text
    assert link[1] not in shown + str(answer.headers) and "on its way" in shown
    page = another_browser(app).get_page(link[1])
    assert page.find("h1")[0].text == "Set a new password"


def test_without_a_mail_server_no_link_to_a_new_password_is_made(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        user_id = make_user("ann@example.com").id
        invitations.invite(EVE, None, ACTOR)
    page = carol.get_page(f"/admin/users/{user_id}/password-link")
    token = page.find("input", name="csrf_token")[0].attributes["value"]

    answer = carol.post(
        f"/admin/users/{user_id}/password-link", data={"csrf_token": token, "password": PASSWORD}
    )

    assert (answer.status_code, "flask users reset-password" in answer.text) == (200, True)
    with app.app_context():
        assert invitations.open_until(user_id) is None
