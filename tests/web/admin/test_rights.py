"""Rights: what an admin has sent is not done once they are none any more, by page and by API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Thread
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent
from app.services.actors import Right
from app.services.person_change import PersonChange, change_person
from app.services.sessions import end_all_sessions, start_session
from tests.factories import ACTOR, PASSWORD, make_group, make_server, make_token, make_user
from tests.pages import PageClient
from tests.services.test_server_change import at_once

BEN = "ben@example.com"
#: How an admin loses what they had: status of a page, of the API, and what is done to them.
LOSSES: dict[str, tuple[int, int, Callable[[int], Any]]] = {
    "disabled": (303, 401, lambda ben: change_person(ben, PersonChange(is_active=False), ACTOR)),
    "demoted": (404, 404, lambda ben: change_person(ben, PersonChange(role="user"), ACTOR)),
    "signed out": (303, 401, lambda ben: end_all_sessions(ben, ACTOR)),
}
ENTRY = {
    "name": "com.example/mcp",
    "description": "An entry",
    "version": "1",
    "remotes": [{"type": "streamable-http", "url": "https://entry.example.com/mcp"}],
}
#: Page, and what is typed into its form. The ids are those of `things`.
FORMS: dict[str, dict[str, str]] = {
    "/admin/users/invite": {"email": "eve@example.com", "role": "admin", "password": PASSWORD},
    "/admin/users/1/role": {"role": "admin", "password": PASSWORD},
    "/admin/users/1/totp": {"password": PASSWORD},
    "/admin/groups/1": {"name": "Theirs"},
    "/admin/servers/1/groups": {"for_whom": "everyone"},
    "/admin/servers/1/delete": {"name": "GitHub"},
    "/admin/tokens/1/1/delete": {},
}
#: Method, path and body; None: none.
CALLS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/api/admin/users", {"email": "eve@example.com", "role": "admin", "password": PASSWORD}),
    ("PATCH", "/api/admin/users/1", {"role": "admin", "password": PASSWORD}),
    ("PATCH", "/api/admin/users/1", {"is_active": False, "password": PASSWORD}),
    ("DELETE", "/api/admin/users/1", {"password": PASSWORD}),
    ("DELETE", "/api/admin/users/1/sessions", None),
    ("POST", "/api/admin/servers", {"name": "New", "url": "https://new.example.com/mcp"}),
    ("PATCH", "/api/admin/servers/1", {"url": "https://evil.example.com/mcp", "held_tokens": 1}),
    ("PATCH", "/api/admin/servers/1", {"enabled": False}),
    ("DELETE", "/api/admin/servers/1?deleted_tokens=1", None),
    ("POST", "/api/admin/servers/import", {"catalogue": ENTRY}),
    ("POST", "/api/admin/groups", {"name": "New"}),
    ("PATCH", "/api/admin/groups/1", {"name": "Theirs"}),
    ("DELETE", "/api/admin/groups/1", None),
    ("PUT", "/api/admin/groups/1/members/2", None),
    ("DELETE", "/api/admin/groups/1/members/1", None),
    ("PUT", "/api/admin/servers/1/groups", {"for_everyone": True, "groups": []}),
    ("POST", "/api/admin/tokens/1/1/ask", None),
    ("DELETE", "/api/admin/tokens/1/1", None),
]


def in_another_context(app: Flask, work: Callable[[], Any]) -> None:
    """Do it as another worker would, and wait for it."""

    def run() -> None:
        with app.app_context():
            work()

    thread = Thread(target=run)
    thread.start()
    thread.join()


def events() -> int:
    return db.session.scalar(db.select(db.func.count()).select_from(AuditEvent)) or 0


@pytest.fixture
def meanwhile(app: Flask) -> dict[str, Any]:
    """Return what is done, under `work`, once a request to Admin was let in and before it is carried out."""
    found: dict[str, Any] = {"work": None, "events": None}

    def interfere() -> None:
        work, found["work"] = found["work"], None
        if work:
            in_another_context(app, work)
            found["events"] = events()
            db.session.rollback()

    for name in app.blueprints:
        if "admin" in name:
            app.before_request_funcs.setdefault(name, []).append(interfere)
    return found


@pytest.fixture
def things(app: Flask) -> int:
    """Return Ben's id; Ann, the server and the group have the id 1."""
    with app.app_context():
        ann, ben = make_user(), make_user(BEN, admin=True)
        server = make_server()
        make_group("Team", [ann], [server])
        make_token(ann, server)
        assert (ann.id, server.id) == (1, 1)
        return ben.id


def restore(app: Flask, ben: int) -> PageClient:
    """Return a client of Ben's, who is an admin again."""
    with app.app_context():
        change_person(ben, PersonChange(is_active=True, role="admin"), ACTOR)
    client = app.test_client()
    assert isinstance(client, PageClient)
    client.sign_in(BEN, PASSWORD)
    return client


def test_no_form_is_carried_out_for_who_is_no_admin_any_more(
    app: Flask, things: int, meanwhile: dict[str, Any]
) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)
    for number, (path, fields) in enumerate(FORMS.items()):
        how = list(LOSSES)[number % len(LOSSES)]
        status, _, lose = LOSSES[how]
        client = restore(app, things)
        form = client.get_page(path).form(path)
        meanwhile["work"] = partial(lose, things)

        answer = client.submit(form, **fields)

        assert answer.status_code == status, (path, how)
        assert meanwhile["work"] is None
        with app.app_context():
            assert events() == meanwhile["events"], (path, how)


def test_no_call_is_carried_out_for_who_is_no_admin_any_more(
    app: Flask, things: int, meanwhile: dict[str, Any]
) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)
    for number, (method, path, body) in enumerate(CALLS):
        how = list(LOSSES)[number % len(LOSSES)]
        _, status, lose = LOSSES[how]
        client = restore(app, things)
        headers = {"X-CSRFToken": client.get("/api/session").json["csrf_token"]}
        meanwhile["work"] = partial(lose, things)

        answer = client.open(path, method=method, headers=headers, json=body)

        assert (answer.status_code, meanwhile["work"]) == (status, None), (method, path, how)
        with app.app_context():
            assert events() == meanwhile["events"], (method, path, how)


def test_an_auditor_who_is_none_any_more_gets_no_export(
    app: Flask, things: int, meanwhile: dict[str, Any]
) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)
        change_person(things, PersonChange(role="auditor"), ACTOR)
    client = app.test_client()
    client.sign_in(BEN, PASSWORD)
    form = client.get_page("/admin/audit").form("/admin/audit/export/jsonl")
    assert client.submit(form).status_code == 200
    meanwhile["work"] = partial(change_person, things, PersonChange(role="user"), ACTOR)

    answer = client.submit(form)

    assert answer.status_code == 404


def test_two_admins_who_do_something_to_each_other_at_once_do_not_wait_in_a_circle(app: Flask) -> None:
    with app.app_context():
        users = [make_user(email, admin=True) for email in (BEN, "carol@example.com")]
        rights = [Right(frozenset({"admin"}), start_session(user, ACTOR).session_id) for user in users]
        ids = [user.id for user in users]
        actors = [
            replace(ACTOR.signed_in_as(user), right=right) for user, right in zip(users, rights, strict=True)
        ]

    for number in range(10):
        change = PersonChange(totp_required=number % 2 == 0)
        works = [
            partial(change_person, other, change, actor)
            for other, actor in zip(reversed(ids), actors, strict=True)
        ]
        assert at_once(app, *works) == [True, True]
