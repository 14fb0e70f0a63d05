"""Every statement of a hot path finds its rows by an index, however big the tables are; on both databases.

The statements are those that the services really send, noted while they run and explained afterwards, on
tables big enough that a planner would not read them whole for want of anything better.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import clock
from app.extensions import db
from app.models import AuditEvent, LoginSession, Server, Token, User
from app.services import (
    audit_list,
    ending_tokens,
    oddities,
    people,
    reminders,
    renewals,
    rotation,
    saved_tokens,
    server_list,
    sessions,
    token_list,
    tokens,
    uses,
)
from app.services.audit import Action
from app.services.token_list import Filter
from app.services.tokens import NewToken
from app.services.uses import Door
from tests.factories import ACTOR, make_server, make_token, make_user

PEOPLE = 3000
SERVERS = 60
#: They hold a token for each server.
HOLDERS = 300
EVENTS = 30_000
LIMITED = "(limited)"
#: Tables that grow with people, servers, tokens or time. Of each, only rows that are looked for may be read.
BIG = ("mcp_auth_tokens", "audit_events", "users", "login_sessions")


@pytest.fixture
def big(app: Flask) -> Iterator[Flask]:
    """Yield an app whose tables are big, with Ann, who holds a token that was sealed by the service."""
    with app.app_context():
        ann = make_user()
        make_token(ann, make_server())
        sessions.start_session(ann, ACTOR)
        fill()
        if db.engine.dialect.name == "postgresql":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("ANALYZE"))
        yield app


def fill() -> None:
    """Make people with a session each, servers, tokens and events."""
    now = clock.now()
    who = {"display_name": "p", "password_hash": "-", "role": "user", "is_active": True, "created_at": now}
    db.session.execute(
        sa.insert(User), [who | {"email": f"p{number}@example.com"} for number in range(PEOPLE)]
    )
    person_ids = db.session.scalars(sa.select(User.id).where(User.email != "ann@example.com")).all()
    signed_in = {"created_at": now, "last_seen_at": now, "expires_at": now + timedelta(hours=12)}
    signed_in |= {"client_address": "192.0.2.1", "agent": "Firefox"}
    db.session.execute(
        sa.insert(LoginSession),
        [signed_in | {"user_id": one, "session_hash": f"{one:064}"} for one in person_ids],
    )
    for number in range(SERVERS):
        make_server(f"Server {number}")
    servers = db.session.execute(sa.select(Server.id, Server.url)).all()
    sealed = {"token_encrypted": "x" * 260, "key_id": "0" * 16, "created_at": now, "updated_at": now}
    db.session.execute(
        sa.insert(Token),
        [
            sealed
            | {"user_id": person_id, "mcp_server_id": server.id, "bound_url": server.url}
            # A few of them end soon.
            | {"expires_at": now + timedelta(days=5 if (person_id + server.id) % 200 == 0 else 300)}
            for person_id in person_ids[:HOLDERS]
            for server in servers
        ],
    )
    event = {"occurred_at": now, "action": "token.used", "outcome": "sent", "actor_name": "p", "chain": 0}
    event |= {"client_address": "192.0.2.1", "agent": "Firefox", "request_id": "x", "details": {}}
    actions = [action.value for action in Action]
    db.session.execute(
        sa.insert(AuditEvent),
        [
            event
            | {"place": 1000 + number, "action": actions[number % len(actions)], "server_id": servers[0].id}
            | {"subject_user_id": person_ids[number % PEOPLE]}
            for number in range(EVENTS)
        ],
    )
    db.session.commit()


def ann() -> User:
    return db.session.scalars(sa.select(User).where(User.email == "ann@example.com")).one()


def hers() -> int:
    return db.session.scalars(sa.select(Token.mcp_server_id).where(Token.user_id == ann().id)).one()


def door(app: Flask) -> Door:
    parts = app.extensions
    return Door(parts["keys"], parts["egress"], ACTOR, parts["call_slots"])


PATHS: dict[str, Callable[[Flask], object]] = {
    "the session of a request": lambda app: sessions.find_signed_in("x"),
    "a sign-in": lambda app: sessions.start_session(ann(), ACTOR),
    "a person's sessions": lambda app: sessions.list_sessions(ann()),
    "resolving": lambda app: saved_tokens.saved_row(ann().id, hers()),
    "a use": lambda app: uses.begin_use(ann(), hers(), None, "call_tool", door(app)),
    "a save": lambda app: tokens.save_token(
        ann(), hers(), NewToken("tok_another_of_mine_1234"), keys=app.extensions["keys"], actor=ACTOR
    ),
    "the tokens page": lambda app: token_list.list_tokens(ann(), Filter()),
    "its notices": lambda app: (oddities.oddities_of(ann()), renewals.list_askings(ann())),
    "a page of people": lambda app: db.session.execute(
        people._people().where(User.email > "p2").order_by(User.email).limit(51)
    ).all(),
    "a page of servers": lambda app: server_list.list_catalogue(),
    "pages of all events": lambda app: (
        audit_list.list_events(audit_list.EventFilter()),
        audit_list.list_events(audit_list.EventFilter(before=20_000, kind="token")),
        audit_list.list_events(audit_list.EventFilter(kind="rotation")),
        audit_list.list_events(audit_list.EventFilter(server_id=1)),
    ),
    "a page of one's own events": lambda app: (
        audit_list.list_own_events(ann(), audit_list.EventFilter(kind="totp", server_id=1)),
        audit_list.own_servers(ann()),
    ),
    "a batch of a rotation": lambda app: next(rotation.batches(1000, but_key="1" * 16)),
    "reminders": lambda app: (ending_tokens.list_ending_tokens(), reminders.due_reminders()),
}


def test_no_hot_path_reads_or_sorts_a_whole_table(big: Flask) -> None:
    found: dict[str, list[list[str]]] = {}
    for name, act in PATHS.items():
        sent = statements_of(partial(act, big))
        assert sent, name
        found[name] = [plan for plan in (plan_of(*one) for one in sent) if reads_or_sorts_all(plan)]

    assert {name: plans for name, plans in found.items() if plans} == {}
    # And what has no index is found.
    for statement in (
        "SELECT count(*) FROM mcp_auth_tokens WHERE bound_url <> 'x'",
        "SELECT id FROM audit_events ORDER BY occurred_at LIMIT 50",
        "SELECT id FROM mcp_auth_tokens ORDER BY updated_at",
        "DELETE FROM login_sessions WHERE last_seen_at < '2020-01-01'",
    ):
        assert reads_or_sorts_all(plan_of(statement, ())), statement


def statements_of(act: Callable[[], object]) -> list[tuple[str, Any]]:
    """Return what is sent to the database meanwhile, with its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        sent.append((statement, parameters))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)
        db.session.rollback()
    return [one for one in sent if re.match(r"SELECT|UPDATE|DELETE", one[0])]


def plan_of(statement: str, parameters: Any) -> list[str]:
    """Return the steps of a statement's plan, and `LIMITED` where it has a limit. It is not run."""
    given = parameters[0] if isinstance(parameters, list) else parameters
    how = "EXPLAIN " if db.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    raw = db.engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute(how + statement, given)
        limited = [LIMITED] if "LIMIT" in statement else []
        return [str(row[-1]).strip() for row in cursor.fetchall()] + limited
    finally:
        raw.close()


def reads_or_sorts_all(plan: list[str]) -> bool:
    """Whether a plan reads a big table from end to end, or sorts one."""
    tables = "|".join(BIG)
    if db.engine.dialect.name == "postgresql":
        many = re.compile(r"\b(?:Incremental )?Sort .*rows=\d{4,}")
        return any(re.search(rf"Seq Scan on (?:{tables})\b", step) or many.search(step) for step in plan)
    # A walk in the order of an index, or of the ids, ends at the page's; sorted, it goes to the end.
    walks = [step for step in plan if re.match(rf"SCAN (?:{tables})\b", step)]
    return bool(walks) and (
        len(walks) > 1 or any("TEMP B-TREE" in step for step in plan) or not _is_page(plan)
    )


def _is_page(plan: list[str]) -> bool:
    """Whether the one walk of a plan stops at a limit (`plan_of` says so)."""
    return LIMITED in plan
