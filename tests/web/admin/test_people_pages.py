"""Admin → People: finding somebody, and what can be done to their account."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import clock
from app.extensions import db
from app.models import AuditEvent, Server, Token, TotpEnrolment, User
from app.models.user import NO_PASSWORD
from app.services import accounts, invitations, totp
from app.services.audit_verify import verify_ledger
from tests.canary import CANARY_HINT
from tests.factories import ACTOR, PASSWORD, make_group, make_server, make_token, make_user
from tests.pages import Page, PageClient
from tests.web.account_pages.conftest import another_browser

ANN = "ann@example.com"
WRONG = "wrong horse battery"
#: What asks for the admin's own password.
CONFIRMED = ("disable", "enable", "role", "delete")


def id_of(app: Flask, email: str) -> int:
    with app.app_context():
        return accounts.get_user(email).id


def path_to(app: Flask, act: str = "", email: str = ANN) -> str:
    return f"/admin/users/{id_of(app, email)}" + (f"/{act}" if act else "")


def do(client: PageClient, path: str, **fields: str) -> TestResponse:
    return client.submit(client.get_page(path).form(path), **fields)


def errors_in(answer: TestResponse) -> str:
    return " ".join(one.text for one in Page(answer.text).find("div", role="alert"))


def actions(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        statement = db.select(AuditEvent).where(AuditEvent.subject_user_id == id_of(app, ANN))
        return [(one.action, one.outcome) for one in db.session.scalars(statement.order_by(AuditEvent.id))]


@pytest.fixture
def ann(app: Flask, github: int) -> PageClient:
    """Ann, who holds the canary, signed in in a browser."""
    with app.app_context():
        db.session.get_one(Server, github).token_help_url = "https://github.example.com/tokens"
        odd = make_server("javascript", token_help_url="javascript:alert(1)")
        make_token(accounts.get_user(ANN), odd)
        db.session.commit()
    browser = another_browser(app)
    browser.sign_in(ANN, PASSWORD)
    return browser


def test_the_list_finds_people_and_leads_to_each(app: Flask, carol: PageClient, ann: PageClient) -> None:
    with app.app_context():
        invitations.invite("eve@example.com", "auditor", ACTOR)

    page = carol.get_page("/admin/users")
    rows = [" ".join(row.text.split()) for row in page.find("tr", class_="row")]
    chips = [
        " ".join(li.text.split())
        for li in page.find("li")
        if li.parents[-1].attributes.get("class") == "chips"
    ]

    assert rows[0].startswith("ann@example.com User 2 just now Off Open")
    assert "eve@example.com Invited Auditor 0 Never Off Open" in " ".join(rows[3].split())
    assert chips == ["All 4", "Invited 1", "Active 3", "Admins 1", "Auditors 1"]
    links = [a.attributes["href"] for a in page.find("a", class_="button") if "Open" in a.text]
    assert links == [path_to(app, email=f"{name}@example.com") for name in ("ann", "ben", "carol", "eve")]
    found = carol.get_page("/admin/users?state=invited&q=EVE")
    assert [a.text.split()[1] for a in found.find("a", class_="button") if "Open" in a.text] == [
        "eve@example.com"
    ]
    assert "Nobody found" in carol.get_page("/admin/users?q=nobody&role=admin").text
    assert carol.get("/admin/users?state=root").status_code == 422


def test_a_persons_page_tells_their_states_and_groups_and_never_a_hint(
    app: Flask, carol: PageClient, ann: PageClient
) -> None:
    with app.app_context():
        accounts.get_user(ANN).display_name = "Ann\u202e <b>Lee</b>"
        db.session.commit()

    text = " ".join(carol.get_page(path_to(app)).text.split())

    for said in ("Ann\\u202e <b>Lee</b>", "Active", "Signed in at 1 place", "Saved 2", "Groups None."):
        assert said in text
    carol.get_page("/admin/users/99", status=404)


def test_a_persons_page_leads_to_their_tokens_and_groups_and_offers_mail_where_mail_is_sent(
    app: Flask, carol: PageClient, ann: PageClient
) -> None:
    with app.app_context():
        group = make_group("Design <b>", [accounts.get_user(ANN)]).id
    user_id, password_link = id_of(app, ANN), path_to(app, "password-link")

    without_mail = carol.get_page(path_to(app))
    app.config.update(SMTP_HOST="127.0.0.1", MAIL_FROM="market@example.org", SITE_URL="https://m.example.org")
    with_mail = carol.get_page(path_to(app))

    assert without_mail.find("a", href=f"/admin/groups/{group}")[0].text.strip() == "Design <b>"
    assert without_mail.find("a", href=f"/admin/tokens?person={user_id}&status=saved")
    assert "can be mailed" not in without_mail.text and "flask users reset-password" in without_mail.text
    assert not without_mail.find("a", href=password_link)
    assert "can be mailed" in with_mail.text and with_mail.find("a", href=password_link)


@pytest.mark.parametrize("act", CONFIRMED)
def test_what_gives_or_takes_access_asks_for_the_admins_own_password(
    app: Flask, carol: PageClient, ann: PageClient, act: str
) -> None:
    before = actions(app)

    for password in ("", WRONG):
        answer = do(carol, path_to(app, act), password=password)
        assert answer.status_code == 422 and "Your password" in errors_in(answer)

    assert actions(app) == before
    assert ann.get("/settings/tokens").status_code == 200


def test_a_disabled_person_is_out_at_once_and_comes_back_with_their_tokens(
    app: Flask, carol: PageClient, ann: PageClient
) -> None:
    page = carol.get_page(path_to(app, "disable"))
    assert [a.attributes["href"] for a in page.find("a") if "Provider's token page" in a.text] == [
        "https://github.example.com/tokens"
    ]

    assert do(carol, path_to(app, "disable"), password=PASSWORD).status_code == 303

    assert ann.get("/settings/tokens").location.startswith("/login")
    form = ann.get_page("/login").form("/login")
    refused = ann.submit(form, email=ANN, password=PASSWORD)
    assert (refused.status_code, "wrong" in refused.text) == (401, True)
    assert "Disabled" in carol.get_page(path_to(app)).text

    do(carol, path_to(app, "enable"), password=PASSWORD)

    assert ann.get("/settings/tokens").status_code == 303
    ann.sign_in(ANN, PASSWORD)
    assert CANARY_HINT in ann.get("/settings/tokens").text
    changes = [one for one in actions(app) if one[0].startswith("account.")]
    assert changes[-2:] == [("account.disabled", "ok"), ("account.enabled", "ok")]


def test_signing_somebody_out_ends_every_session_and_nothing_else(
    app: Flask, carol: PageClient, ann: PageClient
) -> None:
    path = path_to(app, "sign-out")

    answer = do(carol, path)

    assert answer.status_code == 303
    assert "1 session ended." in carol.get_page(answer.location).text
    assert ann.get("/settings/tokens").status_code == 303
    ann.sign_in(ANN, PASSWORD)


def test_a_role_is_given_and_taken_and_holds_from_the_next_page_on(
    app: Flask, carol: PageClient, ann: PageClient
) -> None:
    path = path_to(app, "role")

    for role, statuses in (("admin", (200, 200)), ("auditor", (404, 200)), ("user", (404, 404))):
        assert do(carol, path, role=role, password=PASSWORD).status_code == 303
        assert tuple(ann.get(one).status_code for one in ("/admin/users", "/admin/audit")) == statuses
    again = do(carol, path, role="user", password=PASSWORD)
    assert "Nothing was changed." in carol.get_page(again.location).text
    unknown = do(carol, path, role="root", password=PASSWORD)

    assert (unknown.status_code, "not one of the choices" in errors_in(unknown)) == (422, True)
    assert [outcome for action, outcome in actions(app) if action == "role.changed"] == [
        "admin",
        "auditor",
        "user",
    ]


def test_deleting_says_what_goes_before_and_where_to_revoke_it_after(
    app: Flask, carol: PageClient, ann: PageClient
) -> None:
    path = path_to(app, "delete")

    before = carol.get_page(path)
    answer = do(carol, path, password=PASSWORD)

    assert answer.status_code == 200
    for page in (before, Page(answer.text)):
        links = [a.attributes for a in page.find("a") if "Provider's token page" in a.text]
        assert [one["href"] for one in links] == ["https://github.example.com/tokens"]
        assert links[0]["rel"] == "noopener noreferrer"
        assert "mcp-2.example.com" in page.text
    assert "is deleted" in answer.text
    assert ann.get("/settings/tokens").status_code == 303
    carol.get_page(path, status=404)
    with app.app_context():
        assert accounts.find_user(ANN) is None
        assert db.session.query(Token).count() == 1
        verdict = verify_ledger(app.extensions["audit_key"])
        assert (verdict.fault, verdict.unsealed) == (None, 0)
    assert "Account deleted" in carol.get_page("/admin/audit").text


def test_the_last_admin_cannot_take_their_own_rights_and_a_second_can(app: Flask, carol: PageClient) -> None:
    for act, fields in (("disable", {}), ("role", {"role": "user"})):
        answer = do(carol, path_to(app, act, "carol@example.com"), password=PASSWORD, **fields)
        assert (answer.status_code, "Nobody else administers" in errors_in(answer)) == (409, True)
    assert carol.get(path_to(app, "delete", "carol@example.com")).location == "/settings/account/delete"
    assert carol.get("/admin/users").status_code == 200
    with app.app_context():
        make_user("dora@example.com", admin=True)

    assert "This is your own account" in carol.get_page(path_to(app, "role", "carol@example.com")).text
    answer = do(carol, path_to(app, "role", "carol@example.com"), role="user", password=PASSWORD)

    assert (answer.status_code, answer.location) == (303, "/settings/tokens")
    assert carol.get("/admin/users").status_code == 404


@pytest.mark.parametrize("act", ["disable", "sign-out"])
def test_an_admin_who_ends_their_own_sessions_comes_out_at_the_sign_in(
    app: Flask, carol: PageClient, act: str
) -> None:
    with app.app_context():
        make_user("dora@example.com", admin=True)
    fields = {"password": PASSWORD} if act == "disable" else {}

    answer = do(carol, path_to(app, act, "carol@example.com"), **fields)

    assert answer.location == "/login"
    assert "You are signed out." in carol.get_page("/login").text
    assert carol.get("/admin/users").status_code == 303


def test_an_admin_has_no_way_to_use_what_somebody_else_holds(
    app: Flask, carol: PageClient, ann: PageClient
) -> None:
    """Neither as themselves nor as the person: they are shown links of people without a password alone."""
    with app.app_context():
        before = accounts.get_user(ANN).password_hash
        assert before != NO_PASSWORD
    headers = {"X-CSRFToken": carol.csrf_token()}
    user_id = id_of(app, ANN)

    answers = [
        carol.post("/api/playground/1/call", json={"tool": "whoami"}, headers=headers),
        carol.post("/api/playground/1/tools", json={}, headers=headers),
        carol.post("/api/mcp-servers/1/auth-token/check", json={}, headers=headers),
    ]
    made: list[Any] = [do(carol, path_to(app, "invitation"), password=PASSWORD)]
    made.append(do(carol, "/admin/users/invite", email=ANN, role="user", password=PASSWORD))
    made.append(carol.get(path_to(app, "password-link")))
    confirmed = {"password": PASSWORD}
    made.append(carol.post("/api/admin/users", json={"email": ANN, **confirmed}, headers=headers))
    made.append(carol.post(f"/api/admin/users/{user_id}/invitation", json=confirmed, headers=headers))

    assert [(one.status_code, one.json["code"]) for one in answers] == [(409, "token_required")] * 3
    assert [one.status_code for one in made] == [409, 422, 200, 422, 409]
    assert not [one for one in made if "/reset-password/" in one.text]
    with app.app_context():
        assert db.session.get_one(User, user_id).password_hash == before


def test_nobody_lifts_their_own_second_factor_by_their_password_alone(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        carols = accounts.get_user("carol@example.com")
        carols.totp_required = True
        now = clock.now()
        db.session.add(
            TotpEnrolment(user_id=carols.id, nonce="0" * 32, created_at=now, confirmed_at=now, last_step=0)
        )
        db.session.commit()
        own = f"/admin/users/{carols.id}"

    for path, fields in ((f"{own}/reset-totp", {}), (f"{own}/totp", {"required": ""})):
        answer = carol.submit(carol.get_page(path).form(path), password=PASSWORD, **fields)
        assert (answer.status_code, "This is your own second factor" in answer.text) == (409, True), path
    headers = {"X-CSRFToken": carol.csrf_token()}
    body = {"totp_required": False, "password": PASSWORD}
    assert carol.patch(f"/api{own}", headers=headers, json=body).get_json()["code"] == "own_second_factor"

    with app.app_context():
        user = accounts.get_user("carol@example.com")
        assert (user.totp_required, totp.has_second_factor(user)) == (True, True)
