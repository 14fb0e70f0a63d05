"""Groups by JSON, for admins alone."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, ServerGroup
from app.services import servers
from tests.factories import make_group, make_server, make_token, make_user
from tests.web.api.conftest import Program, assert_problem

GROUPS = "/api/admin/groups"


class Admin(Program):
    """Carol's program, with the methods that groups want."""

    def put(self, path: str, body: Any = None) -> Any:
        return self.client.put(path, headers=self.headers, **({} if body is None else {"json": body}))


@pytest.fixture
def carol(app: Flask) -> Admin:
    with app.app_context():
        make_user("carol@example.com", admin=True)
    program = Admin(app)
    assert program.sign_in("carol@example.com").status_code == 200
    return program


def test_a_group_is_created_filled_listed_renamed_and_deleted(app: Flask, carol: Admin) -> None:
    with app.app_context():
        ann, ben = (make_user(f"{name}@example.com").id for name in ("ann", "ben"))
    created = carol.client.post(GROUPS, headers=carol.headers, json={"name": " Team "})
    path = f"{GROUPS}/{created.json['id']}"

    assert (created.status_code, created.json["name"]) == (201, "Team")
    for user_id in (ann, ben, ben):
        assert carol.put(f"{path}/members/{user_id}").status_code == 204
    assert carol.get(path).json == {"id": created.json["id"], "name": "Team", "people": 2, "servers": 0}
    first = carol.get(f"{path}/members?limit=1").json
    assert first["items"] == [{"id": ann, "email": "ann@example.com", "is_active": True}]
    assert [one["id"] for one in carol.get(f"{path}/members?after={first['next']}").json["items"]] == [ben]
    assert carol.get(f"{GROUPS}?q=TEA&limit=1").json["items"][0]["people"] == 2
    assert carol.patch(path, {"name": "Makers", "current_name": "Team"}).json["name"] == "Makers"
    assert_problem(carol.patch(path, {"name": "Mine", "current_name": "Team"}), 409, "changed_meanwhile")
    for _ in range(2):
        assert carol.delete(f"{path}/members/{ben}").status_code == 204
    assert carol.get(path).json["people"] == 1
    assert carol.delete(path).status_code == 204
    for answer in (carol.get(path), carol.delete(path), carol.get(f"{path}/members")):
        assert_problem(answer, 404, "not_found")
    assert carol.get(GROUPS).json == {"items": [], "next": None}


def test_for_whom_a_server_is_there_is_put_as_a_whole_with_consent(app: Flask, carol: Admin) -> None:
    with app.app_context():
        ann, server = make_user(), make_server()
        make_token(ann, server)
        one, two = make_group("One", [ann]).id, make_group("Two").id
        path = f"/api/admin/servers/{server.id}/groups"
    before = carol.get(path).json
    assert (before["for_everyone"], before["groups"], before["people"]) == (True, [], 1)

    refused = carol.put(path, {"for_everyone": False, "groups": [two]})

    assert assert_problem(refused, 409, "tokens_would_be_unavailable")["unavailable_tokens"] == 1
    assert carol.get(path).json == before
    done = carol.put(path, {"for_everyone": False, "groups": [two], "unavailable_tokens": 1})
    assert done.json["groups"] == [{"id": two, "name": "Two"}]
    # Nothing is taken away from anybody: nobody has to consent.
    both = {"for_everyone": False, "groups": [one, two, two], "updated_at": done.json["updated_at"]}
    assert [group["id"] for group in carol.put(path, both).json["groups"]] == [one, two]
    stale = {"for_everyone": True, "updated_at": before["updated_at"]}
    assert_problem(carol.put(path, stale), 409, "changed_meanwhile")
    assert carol.put(path, {"for_everyone": True}).json["groups"] == []
    with app.app_context():
        assert db.session.scalars(db.select(ServerGroup)).all() == []


NAMES: list[tuple[Any, str, str]] = [
    ({"name": "a", "is_admin": True}, "", "unknown_field"),
    ({}, "name", "required"),
    ({"name": 1}, "name", "text"),
    ({"name": " "}, "name", "group_name_empty"),
    ({"name": "a" * 101}, "name", "group_name_long"),
    ({"name": "TEAM"}, "name", "group_name_taken"),
    ({"name": "a\x00"}, "name", "control"),
]
AUDIENCES: list[tuple[Any, str, str]] = [
    ({}, "for_everyone", "required"),
    ({"for_everyone": 1}, "for_everyone", "flag"),
    ({"for_everyone": False, "everyone": 1}, "", "unknown_field"),
    ({"for_everyone": False, "groups": 1}, "groups", "ids"),
    ({"for_everyone": False, "groups": None}, "groups", "ids"),
    ({"for_everyone": False, "groups": ["1"]}, "groups", "ids"),
    ({"for_everyone": False, "groups": [True]}, "groups", "ids"),
    ({"for_everyone": False, "groups": [99]}, "groups", "unknown_group"),
    ({"for_everyone": False, "groups": [0]}, "groups", "unknown_group"),
    ({"for_everyone": False, "groups": [2**63]}, "groups", "unknown_group"),
    ({"for_everyone": True, "groups": [1]}, "groups", "everyone_or_groups"),
    ({"for_everyone": False, "unavailable_tokens": -1}, "unavailable_tokens", "count"),
]


def test_what_cannot_be_taken_is_named_and_changes_nothing(app: Flask, carol: Admin) -> None:
    with app.app_context():
        make_group("Team")
        other, server_id = make_group("Other").id, make_server().id
        before = db.session.scalar(db.select(db.func.count(AuditEvent.id)))
    audience = f"/api/admin/servers/{server_id}/groups"
    sent = [("POST", GROUPS, *one) for one in NAMES] + [("PATCH", f"{GROUPS}/{other}", *one) for one in NAMES]

    for method, path, body, field, reason in [*sent, *(("PUT", audience, *one) for one in AUDIENCES)]:
        answer = carol.client.open(path, method=method, headers=carol.headers, json=body)

        problem = assert_problem(answer, 422, "invalid")
        assert (list(problem["errors"]), problem["reason"]) == ([field], reason), (path, body)
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count(AuditEvent.id))) == before
        assert servers.get_server(server_id).for_everyone


def test_who_is_not_there_cannot_be_put_into_a_group(app: Flask, carol: Admin) -> None:
    with app.app_context():
        group_id = make_group("Team").id

    for path in (f"{group_id}/members/999", f"999/members/{group_id}", f"{group_id}/members/2147483648"):
        assert_problem(carol.put(f"{GROUPS}/{path}"), 404, "not_found")
        assert_problem(carol.delete(f"{GROUPS}/{path}"), 404, "not_found")


def test_deleting_a_group_takes_consent_to_the_number_of_tokens(app: Flask, carol: Admin) -> None:
    with app.app_context():
        ann, server = make_user(), make_server()
        make_token(ann, server)
        path = f"{GROUPS}/{make_group('Team', [ann], [server]).id}"

    for query in ("", "?unavailable_tokens=2"):
        refused = carol.delete(path + query)
        assert_problem(refused, 409, "tokens_would_be_unavailable")
        assert refused.json["unavailable_tokens"] == 1
    assert_problem(carol.delete(f"{path}?unavailable_tokens=all"), 422, "invalid")
    assert carol.get(path).json["people"] == 1
    assert carol.delete(f"{path}?unavailable_tokens=1").status_code == 204
