"""Saving with a check: what happens while the server is asked stands, and the save gives way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from app.errors import (
    ChangedMeanwhileError,
    ForeignTokenError,
    MarketError,
    NotThereError,
    SignedOutError,
    StorageOffError,
)
from app.extensions import db
from app.models import AuditEvent, LoginSession, Server, Token, User
from app.services import accounts, expiry, server_change, sessions, storing, tokens
from app.services.call_slots import CallSlots
from app.services.checks import check_token
from app.services.tokens import NewToken
from app.services.uses import Door
from tests.factories import ACTOR, PASSWORD, make_server
from tests.mcp_servers.gate import Gate
from tests.mcp_servers.running import Running, running

OLD = "old-token-0123456789"
NEW = "new-token-9876543210"
OTHER = "other-token-5555555555"
GITHUB = "ghp_" + "Hn6c4Bd8Sf0Pj2Gu9c3d4"


@dataclass
class Desk:
    """Ann, signed in, and one server that takes every token of hers."""

    app: Flask
    user: User
    server: Server
    door: Door
    gate: Gate

    def save(self, text: str, *, check: bool = False, **more: Any) -> tokens.Saved:
        new = NewToken(text, **more)
        if check:
            return tokens.save_checked_token(self.user, self.server.id, new, door=self.door)
        return tokens.save_token(self.user, self.server.id, new, keys=self.door.keys, actor=ACTOR)

    def meanwhile(self, act: Callable[[Desk], Any]) -> None:
        """Let this happen, on another connection, while the next check waits for the server."""
        user_id, server_id = self.user.id, self.server.id

        def run() -> None:
            with self.app.app_context():
                user, server = db.session.get_one(User, user_id), db.session.get_one(Server, server_id)
                act(Desk(self.app, user, server, self.door, self.gate))

        self.gate.meanwhile = run

    def rows(self) -> list[Token]:
        return list(db.session.scalars(db.select(Token).execution_options(populate_existing=True)))


@pytest.fixture
def gate() -> Gate:
    return Gate(OLD, NEW, OTHER)


@pytest.fixture
def remote(gate: Gate) -> Iterator[Running]:
    with running(gate.asgi()) as server:
        yield server


@pytest.fixture
def desk(app: Flask, gate: Gate, remote: Running) -> Iterator[Desk]:
    with app.app_context():
        user = accounts.create_account("ann@example.com", PASSWORD, ACTOR)
        sessions.start_session(user, ACTOR)
        server = make_server("Gate", url=remote.url)
        door = Door(app.extensions["keys"], remote.egress, ACTOR.signed_in_as(user), CallSlots(4))
        yield Desk(app, user, server, door, gate)


def delete(desk: Desk) -> None:
    tokens.delete_token(desk.user, desk.server.id, ACTOR)


def delete_and_save(desk: Desk) -> None:
    delete(desk)
    desk.save(OTHER)


@pytest.mark.parametrize(
    ("act", "left"),
    [
        (lambda desk: desk.save(OTHER), "...5555"),
        (delete, None),
        (delete_and_save, "...5555"),
    ],
    ids=["replaced", "deleted", "deleted and saved anew"],
)
def test_what_its_owner_did_meanwhile_stands(
    desk: Desk, act: Callable[[Desk], Any], left: str | None
) -> None:
    desk.save(OLD)
    desk.meanwhile(act)

    with pytest.raises(ChangedMeanwhileError):
        desk.save(NEW, check=True)

    assert [row.token_hint for row in desk.rows()] == ([left] if left else [])
    last = db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id.desc())).first()
    assert last != "token.replaced" or left == "...5555"


def test_a_first_token_does_not_take_the_place_of_one_saved_meanwhile(desk: Desk) -> None:
    desk.meanwhile(lambda other: other.save(OTHER))

    with pytest.raises(ChangedMeanwhileError):
        desk.save(NEW, check=True)

    assert [row.token_hint for row in desk.rows()] == ["...5555"]


@pytest.mark.parametrize("before", [None, OLD], ids=["the first", "a replacement"])
def test_the_same_token_saved_by_a_second_click_is_no_other(desk: Desk, before: str | None) -> None:
    if before:
        desk.save(before)
    desk.meanwhile(lambda other: other.save(NEW))

    saved = desk.save(NEW, check=True)

    assert saved.verdict is not None
    assert [row.token_hint for row in desk.rows()] == ["...3210"]


def disable(desk: Desk) -> None:
    accounts.set_active(desk.user.email, False, ACTOR)


def sign_out(_desk: Desk) -> None:
    db.session.execute(db.delete(LoginSession))
    db.session.commit()


def leave(desk: Desk) -> None:
    accounts.delete_account(desk.user.email, ACTOR)


def store_no_more(desk: Desk) -> None:
    storing.set_storing(desk.user, False, ACTOR)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (disable, SignedOutError),
        (sign_out, SignedOutError),
        (leave, SignedOutError),
        (store_no_more, StorageOffError),
    ],
)
def test_nothing_is_saved_for_somebody_who_may_not_save_any_more(
    desk: Desk, act: Callable[[Desk], None], error: type[MarketError]
) -> None:
    desk.meanwhile(act)

    with pytest.raises(error):
        desk.save(NEW, check=True)
    db.session.rollback()

    assert desk.rows() == []


@pytest.mark.parametrize("act", [disable, sign_out, store_no_more])
def test_an_unchecked_save_waits_for_who_shuts_the_door_and_then_finds_it_shut(
    desk: Desk, act: Callable[[Desk], None]
) -> None:
    """What was loaded with the request is old by then, on PostgreSQL for as long as a lock is waited for."""
    with desk.app.app_context():
        act(desk)

    with pytest.raises((SignedOutError, StorageOffError)):
        desk.save(NEW)
    db.session.rollback()

    assert desk.rows() == []


def test_a_program_keeps_a_token_that_works_when_it_sends_another_services(desk: Desk) -> None:
    desk.save(OLD)

    with pytest.raises(ForeignTokenError):
        desk.save(GITHUB, holds_foreign=True)

    assert [row.token_hint for row in desk.rows()] == ["...6789"]


def test_an_expiry_is_not_given_to_a_token_that_was_not_in_sight(desk: Desk) -> None:
    desk.save(OLD)
    seen = desk.rows()[0].version
    desk.save(NEW)

    with pytest.raises(ChangedMeanwhileError):
        expiry.set_expiry(desk.user, desk.server.id, None, ACTOR, seen=seen)
    expiry.set_expiry(desk.user, desk.server.id, None, ACTOR, seen=desk.rows()[0].version)

    delete(desk)
    with pytest.raises(NotThereError):
        expiry.set_expiry(desk.user, desk.server.id, None, ACTOR)


#: Field → (as it is, as it is changed).
CHANGES: dict[str, tuple[Any, Any]] = {
    "auth_header_name": ("Authorization", "X-Key"),
    "auth_value_format": ("Bearer {token}", "Token {token}"),
    "extra_headers": ({}, {"X-Team": "blue"}),
    "transport": ("streamable-http", "sse"),
    "probe_tool": (None, "whoami"),
}


def change(desk: Desk, **changes: Any) -> None:
    server_change.change_server(
        desk.server.id, changes, held_tokens=None, egress=desk.door.egress, actor=ACTOR
    )


def test_what_a_check_found_is_forgotten_when_the_token_is_sent_in_another_way(desk: Desk) -> None:
    for name, (plain, other) in CHANGES.items():
        desk.save(OLD)
        check_token(desk.user, desk.server.id, None, door=desk.door)
        assert desk.rows()[0].last_check_result == "accepted"

        change(desk, description=f"before {name}")
        assert desk.rows()[0].last_check_result == "accepted"
        change(desk, **{name: other})

        row = desk.rows()[0]
        assert (row.last_check_result, row.last_check_reason, row.last_check_at) == (None, None, None), name
        change(desk, **{name: plain})


def test_a_refusal_of_what_was_sent_in_the_old_way_is_not_remembered(desk: Desk) -> None:
    desk.save(OLD)
    desk.gate.accepted = set()
    desk.meanwhile(lambda other: change(other, auth_value_format="Token {token}"))

    assert check_token(desk.user, desk.server.id, None, door=desk.door).verdict.result == "rejected"

    assert desk.rows()[0].last_check_result is None
