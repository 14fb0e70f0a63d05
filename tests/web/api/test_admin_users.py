"""People by JSON, for admins: the acts of the pages, by the same rules, confirmed by one's own password."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import mail
from app.extensions import db
from app.models import AuditEvent, Group, GroupMember, Token, TotpEnrolment, User
from app.services import accounts
from tests.canary import CANARY_HINT
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.mail_servers import MailServer, mail_server
from tests.web.api.conftest import EMAIL, Program, assert_problem

PEOPLE = "/api/admin/users"
CONFIRMED = {"password": PASSWORD}


def delete(program: Program, path: str, body: dict[str, Any] | None = None) -> TestResponse:
    return program.client.delete(path, headers=program.headers, **({} if body is None else {"json": body}))


@pytest.fixture
def carol(app: Flask) -> Program:
    """Return an admin's program, signed in; she is the only one."""
    with app.app_context():
        make_user("carol@example.com", admin=True)
    program = Program(app)
    assert program.sign_in("carol@example.com").status_code == 200
    return program


@pytest.fixture
def path(app: Flask, carol: Program, ann: Program) -> str:
    """Return Ann's path. She holds the canary, and is in a group."""
    with app.app_context():
        user = accounts.get_user(EMAIL)
        make_token(user, make_server("Linear", token_help_url="https://linear.example.com/settings"))
        make_token(user, make_server("Odd", token_help_url="javascript:alert(1)"), "a-made-up-token-of-mine")
        group = Group(name="Design", created_at=user.created_at)
        db.session.add(group)
        db.session.flush()
        db.session.add(GroupMember(group_id=group.id, user_id=user.id))
        db.session.commit()
        return f"{PEOPLE}/{user.id}"


def test_people_are_listed_by_state_and_role_page_by_page(carol: Program, path: str) -> None:
    first = carol.get(f"{PEOPLE}?limit=1").json
    second = carol.get(f"{PEOPLE}?limit=1&after={first['next']}").json
    assert [row["email"] for row in first["items"] + second["items"]] == [EMAIL, "carol@example.com"]
    assert second["next"] is None

    row = carol.get(f"{PEOPLE}?q=ANN&state=active&role=user").json["items"][0]
    assert {name: row[name] for name in row.keys() - {"created_at", "last_login_at"}} == {
        **{"id": 2, "email": EMAIL, "display_name": "ann", "role": "user", "state": "active"},
        **{"has_totp": False, "totp_required": False, "tokens": 2},
    }
    for query in ("state=root", "role=root", "limit=0", "limit=x"):
        assert_problem(carol.get(f"{PEOPLE}?{query}"), 422, "invalid")


def test_a_person_is_told_with_states_and_never_with_a_hint(carol: Program, path: str) -> None:
    answer = carol.get(path)

    assert CANARY_HINT not in answer.text
    row = answer.json
    assert (row["sessions"], row["groups"], row["token_states"]) == (1, ["Design"], {"saved": 2})
    assert row["link_expires_at"] is None
    assert_problem(carol.get(f"{PEOPLE}/99"), 404, "not_found")


def test_what_gives_or_takes_access_wants_the_password_of_who_asks(
    app: Flask, carol: Program, path: str
) -> None:
    calls = [
        ("POST", PEOPLE, {"email": "eve@example.com"}),
        ("PATCH", path, {"role": "admin"}),
        ("DELETE", path, {}),
        ("DELETE", f"{path}/totp", {}),
        ("POST", f"{path}/invitation", {}),
    ]
    for method, where, body in calls:
        for password, reason in ((None, "required"), ("wrong horse battery", "password_wrong")):
            sent = body | ({"password": password} if password else {})
            answer = carol.client.open(where, method=method, headers=carol.headers, json=sent)
            assert assert_problem(answer, 422, "invalid")["errors"].keys() == {"password"}
            assert answer.json["reason"] == reason

    with app.app_context():
        everyone = db.session.scalars(db.select(User).order_by(User.email))
        assert [(user.email, user.role) for user in everyone] == [
            (EMAIL, "user"),
            ("carol@example.com", "admin"),
        ]


def test_a_change_is_one_whatever_it_names_and_is_recorded_by_its_parts(
    app: Flask, carol: Program, ann: Program, path: str
) -> None:
    answer = carol.patch(path, {"role": "auditor", "is_active": False, "totp_required": True, **CONFIRMED})

    row = answer.json
    assert (answer.status_code, row["role"], row["state"], row["totp_required"]) == (
        200,
        "auditor",
        "disabled",
        True,
    )
    assert row["sessions"] == 0
    assert_problem(ann.get("/api/session"), 401, "not_signed_in")
    with app.app_context():
        statement = db.select(AuditEvent).where(AuditEvent.actor_name == "carol@example.com")
        found = db.session.scalars(statement.order_by(AuditEvent.id))
        assert [(one.action, one.outcome, one.subject_user_id) for one in found] == [
            ("sign_in.ok", "ok", 1),
            ("account.disabled", "ok", 2),
            ("role.changed", "auditor", 2),
            ("totp.required", "on", 2),
        ]
    assert carol.patch(path, CONFIRMED).json["state"] == "disabled"
    assert carol.patch(path, {"is_active": True, **CONFIRMED}).json["state"] == "active"
    for body in ({"role": "root"}, {"is_active": 0}, {"email": "x@example.com"}, {"role": None}):
        assert_problem(carol.patch(path, body | CONFIRMED), 422, "invalid")


def test_the_last_admin_stays(carol: Program) -> None:
    own = f"{PEOPLE}/1"

    for body in ({"role": "user"}, {"is_active": False}, {"role": "auditor", "totp_required": True}):
        assert_problem(carol.patch(own, body | CONFIRMED), 409, "last_admin")
    assert_problem(delete(carol, own, CONFIRMED), 409, "last_admin")

    row = carol.get(own).json
    assert (row["role"], row["state"], row["totp_required"]) == ("admin", "active", False)


def test_deleting_tells_where_else_the_tokens_live_on(
    app: Flask, carol: Program, ann: Program, path: str
) -> None:
    before = carol.get(f"{path}/offboarding")
    answer = delete(carol, path, CONFIRMED)

    assert CANARY_HINT not in before.text + answer.text
    document = answer.json
    assert before.json == document
    assert (document["sessions"], document["groups"]) == (1, 1)
    told = [(one["server"], one["status"], one["revoke_url"]) for one in document["providers"]]
    assert told == [("Linear", "saved", "https://linear.example.com/settings"), ("Odd", "saved", None)]
    assert_problem(ann.get("/api/session"), 401, "not_signed_in")
    for gone in (
        *(delete(carol, path, CONFIRMED), carol.get(path), delete(carol, f"{path}/sessions")),
        *(carol.get(f"{path}/offboarding"), delete(carol, f"{path}/totp", CONFIRMED)),
    ):
        assert_problem(gone, 404, "not_found")
    with app.app_context():
        assert db.session.query(Token).count() == 0


def test_an_admin_who_is_not_the_last_can_delete_themselves(app: Flask, carol: Program) -> None:
    with app.app_context():
        make_user("dora@example.com", admin=True)

    assert delete(carol, f"{PEOPLE}/1", CONFIRMED).status_code == 200

    assert_problem(carol.get("/api/session"), 401, "not_signed_in")


def test_a_second_factor_is_reset_once_and_recorded(app: Flask, carol: Program, path: str) -> None:
    with app.app_context():
        user = accounts.get_user(EMAIL)
        now = user.created_at
        db.session.add(TotpEnrolment(user_id=user.id, nonce="0" * 32, created_at=now, confirmed_at=now))
        db.session.commit()
    assert carol.get(path).json["has_totp"]

    assert delete(carol, f"{path}/totp", CONFIRMED).status_code == 204

    assert not carol.get(path).json["has_totp"]
    assert_problem(delete(carol, f"{path}/totp", CONFIRMED), 404, "not_found")
    with app.app_context():
        last = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert last is not None
        assert (last.action, last.subject_user_id) == ("totp.reset", user.id)


def test_signing_somebody_out_counts_their_sessions(carol: Program, ann: Program, path: str) -> None:
    assert delete(carol, f"{path}/sessions").json == {"sessions": 1}
    assert delete(carol, f"{path}/sessions").json == {"sessions": 0}

    assert_problem(ann.get("/api/session"), 401, "not_signed_in")
    assert ann.sign_in().status_code == 200


def test_an_invitation_is_told_once_and_a_new_one_replaces_it(app: Flask, carol: Program, path: str) -> None:
    body = {"email": "Eve@example.com", "role": "auditor", **CONFIRMED}
    first, second = carol.post(PEOPLE, body), carol.post(PEOPLE, {"email": "eve@example.com", **CONFIRMED})
    eve = f"{PEOPLE}/{first.json['id']}"
    third = carol.post(f"{eve}/invitation", CONFIRMED)

    assert [answer.status_code for answer in (first, second, third)] == [201, 200, 200]
    assert first.json["mail"] == "off"
    links = [answer.json["invitation_url"] for answer in (first, second, third)]
    stranger = app.test_client()
    assert [stranger.get(link.partition("localhost")[2]).status_code for link in links] == [404, 404, 200]
    row = carol.get(eve)
    assert (row.json["state"], row.json["role"]) == ("invited", "auditor")
    assert row.json["link_expires_at"] == third.json["expires_at"]
    assert links[2].rpartition("/")[2] not in row.text + carol.get(PEOPLE).text
    for answer, reason in (
        (carol.post(PEOPLE, {"email": EMAIL, **CONFIRMED}), "has_account"),
        (carol.post(PEOPLE, {"email": "eve@", **CONFIRMED}), "email_invalid"),
    ):
        assert assert_problem(answer, 422, "invalid")["reason"] == reason
    assert (
        assert_problem(carol.post(f"{path}/invitation", CONFIRMED), 409, "wrong_state")["reason"] == "active"
    )


@pytest.fixture
def post(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)
    with mail_server() as server:
        app.config.update(
            {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": server.port, "SMTP_SECURITY": "none"},
            MAIL_FROM="market@example.org",
            SITE_URL="https://market.example.org",
        )
        yield server


def test_an_invitation_is_mailed_and_says_when_it_was_not(
    app: Flask, carol: Program, post: MailServer
) -> None:
    sent = carol.post(PEOPLE, {"email": "eve@example.com", **CONFIRMED}).json
    app.config["SMTP_HOST"] = "127.0.0.1"
    app.config["SMTP_PORT"] = 9
    failed = carol.post(PEOPLE, {"email": "eve@example.com", **CONFIRMED}).json

    assert (sent["mail"], failed["mail"]) == ("sent", "failed")
    assert sent["invitation_url"].startswith("https://market.example.org/reset-password/")
    assert sent["invitation_url"] in post.text()


def test_to_everyone_else_there_is_no_such_address(
    app: Flask, carol: Program, ann: Program, path: str
) -> None:
    for role in ("user", "auditor"):
        with app.app_context():
            accounts.set_role(EMAIL, role, ACTOR)
        answers = [
            ann.get(PEOPLE),
            ann.get(path),
            ann.post(PEOPLE, {"email": "eve@example.com", **CONFIRMED}),
            ann.patch(path, {"role": "admin", **CONFIRMED}),
            ann.patch(path, {"x": 1}),
            delete(ann, path),
            delete(ann, f"{path}/sessions"),
            delete(ann, f"{path}/totp"),
            ann.get(f"{path}/offboarding"),
            ann.post(f"{path}/invitation"),
        ]
        for answer in answers:
            assert_problem(answer, 404, "not_found")
