"""People's tokens by JSON, for admins: states by cursor, asking to renew, deleting."""

from __future__ import annotations

import pytest
from flask import Flask

from app.extensions import db
from app.models import Server, Token, User
from app.services import accounts, tokens
from app.services.tokens import NewToken
from tests.canary import CANARY_HINT
from tests.factories import ACTOR, make_group, make_server, make_token, make_user
from tests.web.api.conftest import Program, assert_problem

PATH = "/api/admin/tokens"


@pytest.fixture
def carol(app: Flask, server_id: int) -> Program:
    """Return an admin's program, signed in; Dan and Eve hold tokens for the server, and Dan for another."""
    with app.app_context():
        make_user("carol@example.com", admin=True)
        server, linear = db.session.get_one(Server, server_id), make_server("Linear", slug="linear")
        dan = make_user("dan@example.com")
        make_token(dan, server, last_check_result="rejected")
        make_token(dan, linear)
        make_token(make_user("eve@example.com"), server)
    program = Program(app)
    assert program.sign_in("carol@example.com").status_code == 200
    return program


def test_the_list_has_states_and_no_hint(carol: Program) -> None:
    answer = carol.get(PATH)

    first = answer.json["items"][0]
    assert CANARY_HINT not in answer.text
    times = {name: first.pop(name) for name in list(first) if name.endswith("_at")}
    assert first == {
        "person": {"id": 2, "email": "dan@example.com", "active": True},
        "server": {"id": 1, "slug": "server-1", "name": "GitHub", "enabled": True},
        "available": True,
        "status": "rejected",
        "version": "1.1",
    }
    assert times.keys() == {
        *("created_at", "updated_at", "last_used_at", "last_check_at", "expires_at", "renew_asked_at")
    }
    totals = answer.json["totals"]
    assert (totals["all"], totals["rejected"], totals["saved"], totals["attention"]) == (3, 1, 2, 1)
    assert answer.json["more_than_counted"] == []


def test_it_says_for_whom_a_server_is_not_there(app: Flask, carol: Program) -> None:
    with app.app_context():
        linear = db.session.scalars(db.select(Server).where(Server.slug == "linear")).one()
        make_group(
            "Team", db.session.scalars(db.select(User).where(User.email == "eve@example.com")), [linear]
        )

    found = {
        (one["person"]["email"][:3], one["server"]["slug"]): one["available"]
        for person in ("dan", "eve")
        for one in carol.get(f"{PATH}?person={person}@example.com").json["items"]
    }

    assert [key for key, available in found.items() if not available] == [("dan", "linear")]
    assert (len(found), carol.get(PATH).json["items"][1]["available"]) == (4, False)


def test_it_is_chosen_and_filtered_and_paged(carol: Program) -> None:
    def found(query: str) -> list[tuple[str, str, str]]:
        items = carol.get(f"{PATH}?{query}").json["items"]
        return [(one["person"]["email"][:3], one["server"]["slug"], one["status"]) for one in items]

    assert found("person=eve@example.com") == [("eve", "server-1", "saved"), ("eve", "linear", "none")]
    assert found("person=2&server=linear") == [("dan", "linear", "saved")]
    assert found("server=linear&status=none") == [("car", "linear", "none"), ("eve", "linear", "none")]
    assert found("status=attention") == [("dan", "server-1", "rejected")]
    first = carol.get(f"{PATH}?limit=2").json
    second = carol.get(f"{PATH}?limit=2&after={first['next']}").json
    assert (len(first["items"]), len(second["items"]), second["next"]) == (2, 1, None)


@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        ("status=none", "status", "person_or_server"),
        ("status=stolen", "status", "unknown"),
        ("person=nobody@example.com", "person", "unknown"),
        ("person=999999999999", "person", "unknown"),
        ("server=nothing", "server", "unknown"),
        ("after=x", "after", "unknown"),
        ("limit=101", "limit", "limit"),
    ],
)
def test_what_is_no_choice_is_refused_by_field(carol: Program, query: str, field: str, reason: str) -> None:
    document = assert_problem(carol.get(f"{PATH}?{query}"), 422, "invalid")

    assert (list(document["errors"]), document["reason"]) == ([field], reason)


def test_asking_and_asking_again(app: Flask, carol: Program) -> None:
    first = carol.post(f"{PATH}/2/1/ask").json
    again = carol.post(f"{PATH}/2/1/ask", {"version": "1.1"}).json

    assert (first["asked"], first["mail"]) == (True, "none")
    assert again == {"asked": False, "mail": "none", "renew_asked_at": first["renew_asked_at"]}
    assert carol.get(PATH).json["items"][0]["renew_asked_at"] == first["renew_asked_at"]
    assert_problem(carol.post(f"{PATH}/2/1/ask", {"version": "1.2"}), 409, "changed_meanwhile")
    assert_problem(carol.post(f"{PATH}/1/1/ask"), 404, "not_found")
    with app.app_context():
        db.session.get_one(User, 2).is_active = False
        db.session.commit()
    problem = assert_problem(carol.post(f"{PATH}/2/2/ask"), 409, "renewal_not_possible")
    assert problem["reason"] == "person_disabled"


def test_deleting_the_one_that_was_listed(app: Flask, carol: Program) -> None:
    version = carol.get(PATH).json["items"][0]["version"]
    with app.app_context():
        new = NewToken("another-token-of-theirs")
        tokens.save_token(db.session.get_one(User, 2), 1, new, keys=app.extensions["keys"], actor=ACTOR)

    assert_problem(carol.delete(f"{PATH}/2/1?version={version}"), 409, "changed_meanwhile")
    assert carol.delete(f"{PATH}/2/1").status_code == 204
    assert carol.delete(f"{PATH}/2/1?version={version}").status_code == 204
    assert_problem(carol.delete(f"{PATH}/999/1"), 404, "not_found")
    with app.app_context():
        assert db.session.query(Token).count() == 2


def test_to_everyone_else_there_is_no_such_address(app: Flask, carol: Program, ann: Program) -> None:
    with app.app_context():
        make_user("dora@example.com")
        accounts.set_role("dora@example.com", "auditor", ACTOR)
    dora = Program(app)
    dora.sign_in("dora@example.com")

    for program in (ann, dora):
        for answer in (program.get(PATH), program.post(f"{PATH}/2/1/ask"), program.delete(f"{PATH}/2/1")):
            assert_problem(answer, 404, "not_found")
