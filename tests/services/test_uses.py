"""Uses: which token is sent, what stops it, and what the ledger holds before it leaves."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.errors import (
    InvalidInputError,
    KeyNotLoadedError,
    LedgerClosedError,
    NotThereError,
    ServerChangedError,
    TokenExpiredError,
    TokenRequiredError,
    TokenUnreadableError,
)
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services import accounts, tokens
from app.services.actors import Actor
from app.services.keys import Keys, Secrets
from app.services.tokens import NewToken
from app.services.uses import Door, Typed, begin_use, end_use
from tests.factories import make_server
from tests.ledgers import shut

ACTOR = Actor(None, "", "192.0.2.1", "Firefox on Linux", "req1")
TOKEN = "tok_" + "Zk3v9Qm7Lw2Xr8Ty5a1b2"
TYPED = "tok_" + "Hn6c4Bd8Sf0Pj2Gu9c3d4"


@dataclass
class Desk:
    """Ann, one server with a saved token, and the door."""

    user: User
    server: Server
    door: Door

    def use(self, typed: str | None = None) -> Any:
        given = Typed(typed) if typed else None
        return begin_use(self.user, self.server.id, given, "call_tool", self.door)

    def change(self, **values: object) -> None:
        db.session.execute(db.update(Token).values(**values))
        db.session.commit()

    def row(self) -> Token:
        return db.session.scalars(db.select(Token).execution_options(populate_existing=True)).one()


@pytest.fixture
def desk(app: Flask) -> Iterator[Desk]:
    with app.app_context():
        user = accounts.create_account("ann@example.com", "correct horse battery", ACTOR)
        server = make_server()
        keys = app.extensions["keys"]
        tokens.save_token(user, server.id, NewToken(TOKEN), keys=keys, actor=ACTOR)
        yield Desk(user, server, Door(keys, app.extensions["egress"], ACTOR, app.extensions["call_slots"]))


def events(after: str = "token.saved") -> list[tuple[str, str]]:
    found = db.session.execute(db.select(AuditEvent.action, AuditEvent.outcome).order_by(AuditEvent.id)).all()
    names = [action for action, _ in found]
    return [(action, outcome) for action, outcome in found[names.index(after) + 1 :]]


def open_transactions() -> int:
    return db.engine.pool.checkedout()  # type: ignore[attr-defined]


def test_the_saved_token_goes_into_the_servers_own_header(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.server.auth_header_name, desk.server.auth_value_format = "X-Api-Key", "App {token}"
    desk.server.extra_headers = {"X-Org": "acme"}
    db.session.commit()

    with caplog.at_level(logging.INFO):
        use = desk.use()

    assert use.remote.headers == {"X-Org": "acme", "X-Api-Key": f"App {TOKEN}"}
    assert use.token_source == "saved"
    assert TOKEN not in repr(use)
    assert [record.getMessage() for record in caplog.records] == ["Using saved auth token"]
    assert (caplog.records[0].user_id, caplog.records[0].server_id) == (desk.user.id, desk.server.id)


def test_a_use_is_committed_before_the_token_leaves_and_nothing_stays_open(desk: Desk) -> None:
    use = desk.use()

    assert open_transactions() == 0
    assert desk.row().last_used_at is not None
    assert desk.row().updated_at < desk.row().last_used_at  # type: ignore[operator]
    assert events() == [("token.used", "sent")]

    end_use(use, "ok", 12, desk.door)

    assert open_transactions() == 0
    assert events()[-1] == ("token.use_ended", "ok")


def test_a_typed_token_is_used_once_and_stored_nowhere(desk: Desk) -> None:
    before = desk.row().token_encrypted

    use = desk.use(f"Bearer {TYPED}")

    assert use.remote.headers["Authorization"] == f"Bearer {TYPED}"
    assert use.token_source == "request"
    assert desk.row().token_encrypted == before
    assert desk.row().last_used_at is None


def test_a_typed_token_is_judged_like_a_saved_one(desk: Desk) -> None:
    with pytest.raises(InvalidInputError, match="mcp_auth_token: mask"):
        desk.use("********")

    assert events() == []


def test_without_a_token_the_server_decides_whether_one_is_needed(desk: Desk) -> None:
    tokens.delete_token(desk.user, desk.server.id, ACTOR)

    with pytest.raises(TokenRequiredError):
        desk.use()
    desk.server.token_required = False
    db.session.commit()
    use = desk.use()

    assert (use.token_source, use.remote.headers, use.remote.secret) == ("none", {}, None)
    assert events("token.deleted") == []


def test_a_disabled_or_unknown_server_is_not_there(desk: Desk) -> None:
    with pytest.raises(NotThereError):
        begin_use(desk.user, 2_000_000_000, None, "call_tool", desk.door)
    desk.server.is_enabled = False
    db.session.commit()

    with pytest.raises(NotThereError):
        desk.use()


def test_a_token_is_not_sent_to_an_address_it_was_not_saved_for(desk: Desk) -> None:
    db.session.execute(db.text("UPDATE mcp_servers SET url = 'https://evil.example/mcp'"))
    db.session.commit()
    db.session.expire_all()

    with pytest.raises(ServerChangedError):
        desk.use()

    assert events() == [("token.on_hold", "ok"), ("token.use_refused", "server_changed")]
    # The hold is told once, each refusal for itself.
    with pytest.raises(ServerChangedError):
        desk.use()
    assert events()[2:] == [("token.use_refused", "server_changed")]


def test_rewriting_the_bound_address_as_well_yields_nothing(desk: Desk) -> None:
    db.session.execute(db.text("UPDATE mcp_servers SET url = 'https://evil.example/mcp'"))
    db.session.execute(db.text("UPDATE mcp_auth_tokens SET bound_url = 'https://evil.example/mcp'"))
    db.session.commit()
    db.session.expire_all()

    with pytest.raises(TokenUnreadableError):
        desk.use()


def test_an_expired_token_is_not_sent(desk: Desk) -> None:
    desk.change(expires_at=clock.now() - timedelta(seconds=1))

    with pytest.raises(TokenExpiredError):
        desk.use()

    assert events() == [("token.use_refused", "token_expired")]


@pytest.mark.parametrize("damage", ["", "gAAAAA", "plaintext-in-the-column", "가나다", "g" * 1_000_000])
def test_an_unreadable_row_is_marked_once_kept_and_refused(desk: Desk, damage: str) -> None:
    desk.change(token_encrypted=damage)

    for _ in range(2):
        with pytest.raises(TokenUnreadableError):
            desk.use()

    assert desk.row().unreadable_at is not None
    assert desk.row().token_encrypted == damage
    refused = ("token.use_refused", "token_unreadable")
    assert events() == [("token.unreadable", "ok"), refused, refused]


def test_another_persons_ciphertext_does_not_open_in_my_row(desk: Desk) -> None:
    other = accounts.create_account("bob@example.com", "correct horse battery", ACTOR)
    keys = desk.door.keys
    tokens.save_token(other, desk.server.id, NewToken(TYPED), keys=keys, actor=ACTOR)
    theirs = db.session.scalars(db.select(Token.token_encrypted).where(Token.user_id == other.id)).one()
    db.session.execute(db.update(Token).where(Token.user_id == desk.user.id).values(token_encrypted=theirs))
    db.session.commit()

    with pytest.raises(TokenUnreadableError):
        desk.use()


def test_a_row_whose_key_is_merely_not_loaded_is_never_marked(desk: Desk) -> None:
    desk.door = Door(Keys(Secrets(secrets.token_urlsafe(32))), desk.door.egress, ACTOR, desk.door.slots)

    with pytest.raises(KeyNotLoadedError):
        desk.use()

    db.session.rollback()
    assert desk.row().unreadable_at is None
    assert events() == []


def test_no_token_leaves_when_the_ledger_cannot_be_written(desk: Desk) -> None:
    with shut(), pytest.raises(LedgerClosedError):
        desk.use()

    assert desk.row().last_used_at is None
