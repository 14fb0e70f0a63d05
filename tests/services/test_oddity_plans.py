"""What oddities cost: one query each, by an index, however many people and events there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app.errors import SignInFailedError
from app.extensions import db
from app.models import User
from app.services.oddities import SHOWN, oddities_of, oddities_of_all
from app.services.sessions import start_session
from app.services.sign_in import Visitor, authenticate
from app.services.uses import Door, begin_use
from tests.factories import ACTOR, make_server, make_token, make_user

EVENTS = 20_000
#: In no chain that verifies: what is looked at here is where they are found.
FILL = f"""
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {EVENTS})
    INSERT INTO audit_events (occurred_at, action, outcome, actor_name, subject_user_id, server_id,
        client_address, agent, request_id, chain, place)
    SELECT :now, CASE n % 5 WHEN 0 THEN 'token.used' WHEN 1 THEN 'token.use_ended' WHEN 2 THEN 'sign_in.ok'
        WHEN 3 THEN 'sign_in.failed' ELSE 'server.address_changed' END, 'ok', '', 1 + n % 7, n % 11,
        '192.0.2.' || n % 13, 'agent ' || n % 3, '', 99999, n FROM numbers
"""  # noqa: S608 - a number of ours
FILL_ODD = f"""
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {EVENTS})
    INSERT INTO odd_events (kind, event_id, subject_user_id, occurred_at)
    SELECT 'unreadable', audit_events.id, users.id, audit_events.occurred_at
    FROM numbers JOIN audit_events ON audit_events.place = n AND audit_events.chain = 99999
    JOIN users ON users.id = audit_events.subject_user_id
"""  # noqa: S608 - a number of ours


@contextmanager
def explained() -> Iterator[list[str]]:
    """Yield a list that gets the plan of each SELECT that looks for oddities."""
    found: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        looks = statement.startswith("SELECT") and (
            "FROM audit_events" in statement or "odd_events" in statement
        )
        if looks:
            words = "EXPLAIN" if db.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
            rows = cursor.connection.execute(f"{words} {statement}", parameters).fetchall()
            found.append("\n".join(str(row[-1]) for row in rows))

    event.listen(db.engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", explain)


@pytest.fixture
def crowded(app: Flask) -> Iterator[User]:
    """Ann, with a token, among twenty thousand events, four thousand of them each of a kind."""
    with app.app_context():
        ann = make_user()
        make_token(ann, make_server())
        for number in range(6):
            make_user(f"person-{number}@example.com")
        moment = db.session.execute(db.text("SELECT max(occurred_at) FROM audit_events")).scalar_one()
        db.session.execute(db.text(FILL), {"now": moment})
        db.session.commit()
        if db.engine.dialect.name == "postgresql":
            db.session.execute(db.text("ANALYZE"))
            db.session.commit()
        yield ann


def assert_no_table_is_read(plan: str) -> None:
    for line in plan.splitlines():
        assert "Seq Scan" not in line, plan
        # SQLite scans what a subquery gave, and an index in its order where nothing is sought.
        assert not line.startswith(("SCAN audit_events", "SCAN odd_events", "SCAN users")), plan
        assert "TEMP B-TREE" not in line, plan


def test_an_event_is_judged_by_a_look_at_an_index_in_one_query(app: Flask, crowded: User) -> None:
    door = Door(app.extensions["keys"], app.extensions["egress"], ACTOR, app.extensions["call_slots"])
    server_id = db.session.execute(db.text("SELECT mcp_server_id FROM mcp_auth_tokens")).scalar_one()

    def fail() -> None:
        with pytest.raises(SignInFailedError):
            authenticate(crowded.email, "wrong horse battery", Visitor(ACTOR, is_counted=False))

    acts = {
        lambda: start_session(crowded, replace(ACTOR, agent="agent 1")): ("agents", "addresses"),
        fail: ("failures",),
        lambda: begin_use(crowded, server_id, None, "call_tool", door): ("uses", "moves"),
    }
    for act, indexes in acts.items():
        with explained() as found:
            act()

        (plan,) = found
        for index in indexes:
            assert f"ix_audit_events_{index}" in plan, plan
        assert_no_table_is_read(plan)


def test_what_is_shown_is_one_query_in_the_order_of_an_index_however_many_are_odd(
    app: Flask, crowded: User
) -> None:
    counts = []
    for people in (1, 50):
        for number in range(people):
            person = make_user(f"odd-{people}-{number}@example.com")
            for agent in ("Firefox on Linux", "curl"):
                start_session(person, replace(ACTOR, agent=agent))
        with explained() as found:
            counts.append(len(oddities_of_all()))
            counts.append(len(oddities_of(person)))
        assert len(found) == 2
    assert counts == [1, 1, SHOWN, 1]

    db.session.execute(db.text(FILL_ODD))
    db.session.commit()
    if db.engine.dialect.name == "postgresql":
        db.session.execute(db.text("ANALYZE"))
        db.session.commit()
    with explained() as found:
        assert len(oddities_of_all()) == len(oddities_of(crowded)) == SHOWN

    of_all, of_one = found
    assert "ix_odd_events_occurred_at_id" in of_all, of_all
    assert "ix_odd_events_subject_user_id_occurred_at_id" in of_one, of_one
    for plan in (of_all, of_one):
        assert_no_table_is_read(plan)
        assert "Sort" not in plan.replace("Presorted", ""), plan
