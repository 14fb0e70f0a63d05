"""The table of tokens: its names, its trigger and its cascades, by ORM, bulk and raw SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app import clock
from app.extensions import db
from app.models import AuditEvent, LoginSession, Server, Token, User
from app.services import sessions
from tests.factories import ACTOR, make_server, make_token, make_user

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def token(app: Flask) -> Iterator[Token]:
    with app.app_context():
        user = make_user()
        sessions.start_session(user, ACTOR)
        found = make_token(user, make_server())
        make_token(user, make_server("Another"))
        db.session.execute(db.update(Token).values(updated_at=LONG_AGO))
        db.session.commit()
        yield found


def updated_at() -> list[datetime]:
    statement = db.select(Token).order_by(Token.id).execution_options(populate_existing=True)
    return [row.updated_at for row in db.session.scalars(statement)]


def test_columns_and_indexes_have_their_names(app: Flask) -> None:
    with app.app_context():
        inspector = db.inspect(db.engine)
        columns = {column["name"] for column in inspector.get_columns("mcp_auth_tokens")}
        indexes = {index["name"]: index for index in inspector.get_indexes("mcp_auth_tokens")}

    seed = {"id", "user_id", "mcp_server_id", "token_encrypted", "token_hint", "created_at", "updated_at"}
    assert seed | {"last_used_at", "key_id", "bound_url", "expires_at", "fingerprint"} <= columns
    assert indexes["idx_mcp_auth_tokens_user_server"]["unique"]
    assert indexes["idx_mcp_auth_tokens_user_server"]["column_names"] == ["user_id", "mcp_server_id"]
    assert indexes["idx_mcp_auth_tokens_user"]["column_names"] == ["user_id"]
    assert indexes["idx_mcp_auth_tokens_server"]["column_names"] == ["mcp_server_id"]


def test_a_second_token_for_one_person_and_server_is_refused_by_the_database(token: Token) -> None:
    columns = [
        "user_id",
        "mcp_server_id",
        "token_encrypted",
        "key_id",
        "bound_url",
        "created_at",
        "updated_at",
    ]
    rows = db.select(*(Token.__table__.c[name] for name in columns))

    with pytest.raises(IntegrityError) as caught:
        db.session.execute(db.insert(Token).from_select(columns, rows))

    assert token.token_encrypted not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ("token_encrypted = 'changed'", True),
        ("token_encrypted = 'changed', token_hint = '...new1'", True),
        ("token_encrypted = token_encrypted", False),
        ("token_encrypted = 'rotated', key_id = 'another'", False),
        ("last_used_at = '2026-01-01 00:00:00'", False),
        ("last_check_result = 'accepted'", False),
        ("expires_at = NULL, unreadable_at = NULL", False),
    ],
)
def test_the_trigger_moves_updated_at_when_the_token_itself_was_changed(
    token: Token, change: str, moves: bool
) -> None:
    before = clock.now() - timedelta(seconds=1)

    db.session.execute(db.text(f"UPDATE mcp_auth_tokens SET {change}"))  # noqa: S608 - words of this test
    db.session.commit()

    found = updated_at()
    assert len(found) == 2
    if moves:
        assert all(before < moment < clock.now() + timedelta(seconds=1) for moment in found)
    else:
        assert found == [LONG_AGO, LONG_AGO]


def test_a_statement_that_sets_updated_at_knows_better(token: Token) -> None:
    chosen = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)

    db.session.execute(db.update(Token).values(token_encrypted="changed", updated_at=chosen))
    db.session.commit()

    assert updated_at() == [chosen, chosen]


WAYS: dict[str, Callable[[type[User] | type[Server], int], object]] = {
    "orm": lambda model, row_id: db.session.delete(db.session.get_one(model, row_id)),
    "bulk": lambda model, row_id: db.session.execute(db.delete(model).where(model.id == row_id)),
    "raw": lambda model, row_id: db.session.execute(
        db.text(f"DELETE FROM {model.__tablename__} WHERE id = :id"),  # noqa: S608 - names of ours
        {"id": row_id},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_deleting_a_person_removes_their_tokens_and_sessions_and_no_event(token: Token, way: str) -> None:
    events = db.session.query(AuditEvent).count()
    other = make_token(make_user("bob@example.com"), db.session.get_one(Server, token.mcp_server_id))
    other_id, user_id = other.id, token.user_id

    WAYS[way](User, user_id)
    db.session.commit()

    assert list(db.session.scalars(db.select(Token.id))) == [other_id]
    assert db.session.query(LoginSession).count() == 0
    assert db.session.query(AuditEvent).count() > events


@pytest.mark.parametrize("way", WAYS)
def test_deleting_a_server_removes_its_tokens_alone(token: Token, way: str) -> None:
    token_id, server_id = token.id, token.mcp_server_id

    WAYS[way](Server, server_id)
    db.session.commit()

    left = list(db.session.scalars(db.select(Token.id)))
    assert len(left) == 1
    assert token_id not in left


@pytest.mark.parametrize("model", [User, Server, Token])
def test_an_id_is_never_given_twice(token: Token, model: type) -> None:
    last = db.session.scalar(db.select(db.func.max(model.id)))

    db.session.execute(db.delete(User))
    db.session.execute(db.delete(Server))
    db.session.commit()
    make_token(make_user("new@example.com"), make_server("New"))

    assert db.session.scalar(db.select(db.func.min(model.id))) > last


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_keeps_what_it_acknowledged_and_overwrites_what_it_deleted(app: Flask) -> None:
    with app.app_context():
        names = ("foreign_keys", "journal_mode", "synchronous", "secure_delete", "busy_timeout")
        pragmas = {name: db.session.execute(db.text(f"PRAGMA {name}")).scalar_one() for name in names}

    assert pragmas == {
        "foreign_keys": 1,
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "busy_timeout": 5000,
    }
