"""An admin deletes another's token: the one that was looked at, whatever state it is in, and no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, current_app

from app import clock
from app.errors import ChangedMeanwhileError, LedgerClosedError, NotThereError
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services import token_removal, tokens
from app.services.actors import Actor
from app.services.token_matrix import get_cell
from app.services.token_removal import delete_token_of
from app.services.tokens import NewToken
from tests.factories import ACTOR, make_server, make_token, make_user
from tests.ledgers import shut

ADMIN = Actor(99, "carol@example.com", "192.0.2.7", "Firefox on Linux", "admins-request")


@pytest.fixture
def token(app: Flask) -> Iterator[Token]:
    """Ann's token for GitHub, in a context."""
    with app.app_context():
        yield make_token(make_user(), make_server("GitHub"))


def version_of(token: Token) -> str | None:
    return get_cell(token.user_id, token.mcp_server_id).version


def delete(token: Token, version: str | None) -> bool:
    return delete_token_of(token.user_id, token.mcp_server_id, version, ADMIN)


def save_another(token: Token) -> None:
    owner, new = db.session.get_one(User, token.user_id), NewToken("another-token-of-theirs")
    tokens.save_token(owner, token.mcp_server_id, new, keys=current_app.extensions["keys"], actor=ACTOR)


def held() -> int:
    return db.session.scalar(db.select(db.func.count()).select_from(Token)) or 0


def test_its_owner_can_see_who_deleted_it(token: Token) -> None:
    assert delete(token, version_of(token))

    event = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert event is not None
    assert (event.action, event.actor_name, event.server_name) == (
        "token.deleted",
        "carol@example.com",
        "GitHub",
    )
    assert event.subject_user_id == event.chain == token.user_id
    assert held() == 0


def test_a_token_that_took_the_place_of_the_one_looked_at_stays(token: Token) -> None:
    version = version_of(token)
    save_another(token)

    with pytest.raises(ChangedMeanwhileError):
        delete(token, version)

    assert held() == 1


def test_so_does_one_that_was_saved_after_a_deletion_and_counts_from_one_again(token: Token) -> None:
    version = version_of(token)
    tokens.delete_token(db.session.get_one(User, token.user_id), token.mcp_server_id, ACTOR)
    save_another(token)

    with pytest.raises(ChangedMeanwhileError):
        delete(token, version)

    assert held() == 1


def test_and_one_that_was_saved_between_the_look_and_the_deletion(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = version_of(token)

    def overtaken(token_id: int, revision: int) -> str:
        monkeypatch.undo()
        save_another(token)
        return f"{token_id}.{revision}"

    monkeypatch.setattr(token_removal, "version_of", overtaken)
    with pytest.raises(ChangedMeanwhileError):
        delete(token, version)

    assert held() == 1


@pytest.mark.parametrize(
    "state", ["unreadable", "on_hold", "person_disabled", "server_disabled", "storage_off"]
)
def test_it_works_in_any_state(token: Token, state: str) -> None:
    owner, server = db.session.get_one(User, token.user_id), db.session.get_one(Server, token.mcp_server_id)
    {
        "unreadable": lambda: setattr(token, "unreadable_at", clock.now()),
        "on_hold": lambda: setattr(token, "bound_url", "https://before.example.com/mcp"),
        "person_disabled": lambda: setattr(owner, "is_active", False),
        "server_disabled": lambda: setattr(server, "is_enabled", False),
        "storage_off": lambda: setattr(current_app.extensions["keys"], "stores_tokens", False),
    }[state]()
    db.session.commit()

    assert delete(token, version_of(token))
    assert held() == 0


def test_where_there_is_none_nothing_is_deleted_or_recorded(token: Token) -> None:
    delete(token, None)
    before = db.session.query(AuditEvent).count()

    assert not delete(token, None)
    assert db.session.query(AuditEvent).count() == before
    for ids in ((999, token.mcp_server_id), (token.user_id, 999)):
        with pytest.raises(NotThereError):
            delete_token_of(*ids, None, ADMIN)


def test_what_cannot_be_recorded_is_not_deleted(token: Token) -> None:
    version = version_of(token)

    with shut(), pytest.raises(LedgerClosedError):
        delete(token, version)

    assert held() == 1
