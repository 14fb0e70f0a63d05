"""Address confirmation: a token on hold goes nowhere until its owner says where to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask

from app.crypto.vault import Place, Sealed
from app.errors import (
    InvalidInputError,
    KeyNotLoadedError,
    NotThereError,
    ServerChangedError,
    TokenRejectedError,
    TokenUnreadableError,
)
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services import accounts, playground, sessions, tokens
from app.services.address_confirmation import confirm_address
from app.services.call_slots import CallSlots
from app.services.keys import Keys, Secrets
from app.services.rotation import rotate_tokens
from app.services.sign_in import Visitor
from app.services.tokens import NewToken
from app.services.uses import Door
from tests.factories import ACTOR, PASSWORD, make_server
from tests.mcp_servers.gate import Gate
from tests.mcp_servers.running import Running, running

TOKEN = "right-token-0123456789"
VISITOR = Visitor(ACTOR, None, is_counted=False)


@dataclass
class Desk:
    """Ann, a server with a saved token, and the door."""

    user: User
    server: Server
    door: Door
    gate: Gate
    old: str

    @property
    def new(self) -> str:
        return f"{self.old}/moved"

    def move(self, url: str | None = None) -> None:
        db.session.execute(db.text("UPDATE mcp_servers SET url = :url"), {"url": url or self.new})
        db.session.commit()

    def confirm(self, address: str | None = None, password: str = PASSWORD, keys: Keys | None = None) -> None:
        confirm_address(
            self.user,
            self.server.id,
            address or self.new,
            password,
            keys=keys or self.door.keys,
            visitor=VISITOR,
        )

    def list(self) -> int:
        return len(playground.list_tools(self.user, self.server.id, None, door=self.door).tools)

    def row(self) -> Token:
        return db.session.scalars(db.select(Token).execution_options(populate_existing=True)).one()


@pytest.fixture
def gate() -> Gate:
    return Gate(TOKEN)


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
        tokens.save_token(user, server.id, NewToken(TOKEN), keys=door.keys, actor=ACTOR)
        yield Desk(user, server, door, gate, remote.url)


def actions() -> list[str]:
    return list(db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id)))


def test_confirmed_the_token_goes_to_the_new_address_and_what_was_known_of_it_is_forgotten(
    desk: Desk,
) -> None:
    db.session.execute(db.update(Token).values(last_check_result="rejected", last_check_reason="refused"))
    db.session.commit()
    desk.move()
    with pytest.raises(ServerChangedError):
        desk.list()
    assert desk.gate.shown == []

    desk.confirm()

    row = desk.row()
    assert (row.bound_url, row.revision, row.held_at) == (desk.new, 2, None)
    assert (row.last_check_result, row.last_check_reason, row.last_check_at) == (None, None, None)
    assert actions()[-2:] == ["token.use_refused", "token.address_confirmed"]
    assert desk.list() == 2


@pytest.mark.parametrize("address", ["", "https://third.example/mcp", "the old one"])
def test_another_address_than_the_present_one_is_not_confirmed(desk: Desk, address: str) -> None:
    desk.move()
    before = desk.row().token_encrypted

    with pytest.raises(InvalidInputError, match="address_changed"):
        confirm_address(
            desk.user,
            desk.server.id,
            desk.old if address == "the old one" else address,
            PASSWORD,
            keys=desk.door.keys,
            visitor=VISITOR,
        )

    assert desk.row().token_encrypted == before
    with pytest.raises(ServerChangedError):
        desk.list()


def test_a_wrong_password_confirms_nothing(desk: Desk) -> None:
    desk.move()

    with pytest.raises(InvalidInputError, match="password_wrong"):
        desk.confirm(password="wrong horse battery")

    assert desk.row().bound_url == desk.old


def test_there_is_nothing_to_confirm_where_nothing_is_on_hold(desk: Desk) -> None:
    with pytest.raises(NotThereError):
        desk.confirm(desk.old)
    desk.move()
    db.session.execute(db.update(Server).values(is_enabled=False))
    db.session.commit()

    with pytest.raises(NotThereError):
        desk.confirm()


def test_the_confirmed_row_opens_for_its_new_address_alone(desk: Desk) -> None:
    desk.move()
    desk.confirm()
    row = desk.row()
    vault, sealed = desk.door.keys.vault_for_reading(), Sealed(row.token_encrypted, row.key_id)

    vault.verify(sealed, Place(row.user_id, row.mcp_server_id, desk.new))
    with pytest.raises(TokenUnreadableError):
        vault.verify(sealed, Place(row.user_id, row.mcp_server_id, desk.old))


def test_moved_again_it_is_on_hold_again(desk: Desk) -> None:
    desk.move()
    desk.confirm()
    desk.move(f"{desk.old}/third")

    with pytest.raises(ServerChangedError):
        desk.list()

    assert desk.gate.shown == []


def test_a_rewritten_row_is_found_unreadable_and_not_released(desk: Desk) -> None:
    desk.move()
    db.session.execute(db.update(Token).values(bound_url="https://made-up.example/mcp"))
    db.session.commit()

    with pytest.raises(TokenUnreadableError):
        desk.confirm()

    assert desk.row().unreadable_at is not None
    assert actions()[-1] == "token.unreadable"


def test_confirming_needs_the_key_and_marks_nothing_without_it(desk: Desk) -> None:
    desk.move()

    with pytest.raises(KeyNotLoadedError):
        desk.confirm(keys=Keys(Secrets("another-secret-than-before-0123456789")))

    assert desk.row().unreadable_at is None


def test_a_confirmed_token_outlives_a_rotation(desk: Desk, app: Flask) -> None:
    desk.move()
    desk.confirm()
    old = app.config["TOKEN_ENCRYPTION_SECRET"]
    keys = Keys(Secrets("another-secret-than-before-0123456789", (old,)))

    rotate_tokens(keys, ACTOR)
    desk.door = Door(keys, desk.door.egress, desk.door.actor, desk.door.slots)

    assert desk.list() == 2


def test_a_refusal_by_the_old_address_is_not_remembered_of_the_new_one(app: Flask, desk: Desk) -> None:
    desk.gate.accepted = set()
    user_id = desk.user.id

    def move_and_confirm() -> None:
        with app.app_context():
            desk.move()
            user = db.session.get_one(User, user_id)
            sessions.start_session(user, ACTOR)
            server_id = db.session.scalars(db.select(Server.id)).one()
            confirm_address(user, server_id, desk.new, PASSWORD, keys=desk.door.keys, visitor=VISITOR)

    desk.gate.meanwhile = move_and_confirm

    with pytest.raises(TokenRejectedError):
        desk.list()

    assert desk.row().last_check_result is None
    desk.gate.accepted = {TOKEN}
    assert desk.list() == 2
