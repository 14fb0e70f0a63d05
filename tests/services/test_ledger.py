"""The ledger: appended to and nothing else, and every other change found."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from app.errors import InvalidInputError, LedgerClosedError
from app.extensions import db
from app.models import AuditEvent, User
from app.services import accounts, sessions, tokens
from app.services.audit import Action, record
from app.services.audit_verify import read_head, seal_all_pending, take_head, verify_ledger
from app.services.keys import Keys, Secrets
from app.services.ledger import AuditKey, seal_with
from app.services.rotation import rotate_tokens
from app.services.tokens import NewToken
from tests.factories import ACTOR, make_server, make_token, make_user
from tests.ledgers import shut, without_guards


@pytest.fixture
def house(app: Flask) -> Iterator[Flask]:
    """Two people and the system, with some twenty events."""
    with app.app_context():
        app.extensions["audit_key"].prepare()
        for name in ("ann", "bob"):
            user = make_user(f"{name}@example.com")
            server = make_server(f"Server of {name}")
            for _ in range(3):
                make_token(user, server)
            sessions.start_session(user, ACTOR)
            tokens.delete_token(user, server.id, ACTOR)
        for outcome in ("one", "two", "three"):
            record(Action.SERVER_CHANGED, ACTOR, outcome=outcome)
        db.session.commit()
        yield app


def verify(app: Flask) -> str | None:
    db.session.rollback()
    return verify_ledger(app.extensions["audit_key"]).fault


def run(*statements: str) -> None:
    with without_guards():
        for statement in statements:
            db.session.execute(db.text(statement))


def test_an_untouched_ledger_verifies_and_every_event_is_sealed(house: Flask) -> None:
    verdict = verify_ledger(house.extensions["audit_key"])

    assert verdict.fault is None
    assert (verdict.unsealed, verdict.unknown_key, verdict.chains) == (0, 0, 3)
    assert verdict.events == db.session.scalar(db.select(db.func.count(AuditEvent.id))) == 15


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_events SET outcome = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events"],
)
def test_the_database_itself_refuses_to_change_or_delete(house: Flask, statement: str) -> None:
    with pytest.raises(DBAPIError):
        db.session.execute(db.text(statement))
    db.session.rollback()

    assert verify(house) is None


CHANGES = {
    "id": "id + 1000",
    "occurred_at": "'2020-01-01 00:00:00.000000'",
    "action": "'token.used'",
    "outcome": "'failed'",
    "actor_id": "77",
    "actor_name": "'somebody else'",
    "subject_user_id": "2",
    "server_id": "77",
    "server_name": "'Another'",
    "server_host": "'evil.example'",
    "client_address": "'198.51.100.1'",
    "agent": "'curl'",
    "request_id": "'x'",
    "details": "'{\"x\": 1}'",
    "seal": "'0'",
    "seal_key": "'0'",
    "place": "place + 1000",
    "chain": "chain + 1000",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_field_is_found(house: Flask, column: str) -> None:
    event_id = db.session.scalar(db.select(AuditEvent.id).where(AuditEvent.chain == 1, AuditEvent.place == 3))

    run(f"UPDATE audit_events SET {column} = {CHANGES[column]} WHERE id = {event_id}")  # noqa: S608

    if column == "seal_key":
        assert verify_ledger(house.extensions["audit_key"]).unknown_key == 1
    else:
        assert verify(house) is not None


def test_every_column_is_tried() -> None:
    assert {column.name for column in AuditEvent.__table__.columns} == CHANGES.keys()


REWRITINGS = {
    "the first deleted": ("DELETE FROM audit_events WHERE chain = 1 AND place = 1",),
    "one in between deleted": ("DELETE FROM audit_events WHERE chain = 1 AND place = 3",),
    "the last deleted": ("DELETE FROM audit_events WHERE chain = 1 AND place = 6",),
    "one deleted and the rest moved up": (
        "DELETE FROM audit_events WHERE chain = 1 AND place = 3",
        "UPDATE audit_events SET place = place - 1 WHERE chain = 1 AND place = 4",
        "UPDATE audit_events SET place = place - 1 WHERE chain = 1 AND place = 5",
        "UPDATE audit_events SET place = place - 1 WHERE chain = 1 AND place = 6",
        "UPDATE audit_chains SET length = length - 1 WHERE chain = 1",
    ),
    "two swapped": (
        "UPDATE audit_events SET place = 900 WHERE chain = 1 AND place = 2",
        "UPDATE audit_events SET place = 2 WHERE chain = 1 AND place = 3",
        "UPDATE audit_events SET place = 3 WHERE chain = 1 AND place = 900",
    ),
    "one slipped in at the end": (
        "INSERT INTO audit_events (occurred_at, action, outcome, actor_name, client_address, agent,"
        " request_id, details, subject_user_id, chain, place, seal, seal_key)"
        " SELECT occurred_at, action, outcome, actor_name, client_address, agent,"
        " request_id, details, subject_user_id, chain, place + 1, seal, seal_key"
        " FROM audit_events WHERE chain = 1 AND place = 6",
        "UPDATE audit_chains SET length = length + 1 WHERE chain = 1",
    ),
    "a seal taken off": ("UPDATE audit_events SET seal = NULL WHERE chain = 1 AND place = 3",),
    "a whole chain deleted": (
        "DELETE FROM audit_events WHERE chain = 1",
        "DELETE FROM audit_chains WHERE chain = 1",
    ),
    "the chain's row deleted": ("DELETE FROM audit_chains WHERE chain = 1",),
}


@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_rewriting_is_found(house: Flask, rewriting: str) -> None:
    assert db.session.scalar(db.select(db.func.max(AuditEvent.place)).where(AuditEvent.chain == 1)) == 6

    run(*REWRITINGS[rewriting])

    assert verify(house) is not None


def test_a_chain_sealed_anew_with_another_key_is_found(house: Flask) -> None:
    statement = db.text("UPDATE audit_events SET seal = :seal WHERE chain = 1 AND place = :place")
    with without_guards():
        for place in range(1, 7):
            db.session.execute(statement, {"seal": secrets.token_hex(32), "place": place})

    assert verify(house) is not None


def test_a_cut_tail_is_found_with_the_head_that_was_kept(house: Flask) -> None:
    kept = read_head(take_head().as_json())
    last = db.session.scalar(db.select(AuditEvent.seal).where(AuditEvent.chain == 1, AuditEvent.place == 5))

    run(
        "DELETE FROM audit_events WHERE chain = 1 AND place = 6",
        f"UPDATE audit_chains SET length = 5, last_seal = '{last}' WHERE chain = 1",  # noqa: S608
    )

    # Whoever sees to the ends as well is found by what stands elsewhere alone.
    assert verify(house) is None
    fault = verify_ledger(house.extensions["audit_key"], kept).fault
    assert fault is not None and "chain 1" in fault


def test_a_head_that_was_kept_stays_right_while_the_ledger_grows(house: Flask) -> None:
    kept = read_head(take_head().as_json())

    make_user("carol@example.com")
    accounts.set_active("ann@example.com", False, ACTOR)

    assert verify_ledger(house.extensions["audit_key"], kept).fault is None
    for text in ("", "[]", "{}", '{"chains": {"x": [1, "y"]}}', '{"taken_at": 1, "chains": {"1": 5}}'):
        with pytest.raises(InvalidInputError):
            read_head(text)


def test_what_was_written_without_a_key_is_sealed_in_order_by_the_first_that_can(house: Flask) -> None:
    key = house.extensions["audit_key"]
    other = AuditKey(Keys(Secrets(secrets.token_urlsafe(32))))
    seal_with(db.engine, other)
    user = db.session.get_one(User, 1)
    for _ in range(2):
        sessions.start_session(user, ACTOR)
    assert verify_ledger(key).unsealed == 2

    seal_with(db.engine, key)
    sessions.start_session(user, ACTOR)

    verdict = verify_ledger(key)
    assert (verdict.fault, verdict.unsealed) == (None, 0)
    assert seal_all_pending(key) == 0


def test_seals_outlive_a_rotation_of_the_secret(house: Flask) -> None:
    new = secrets.token_urlsafe(32)
    make_token(db.session.get_one(User, 2), make_server("Third"))
    both = Keys(Secrets(new, (house.config["TOKEN_ENCRYPTION_SECRET"],)))

    rotate_tokens(both, ACTOR)

    alone = AuditKey(Keys(Secrets(new)))
    verdict = verify_ledger(alone)
    assert (verdict.fault, verdict.unknown_key, verdict.unsealed) == (None, 0, 0)


ACTS: dict[str, Callable[[Flask, User, int], object]] = {
    "save": lambda app, user, server: tokens.save_token(
        user, server, NewToken("a-token-of-mine"), keys=app.extensions["keys"], actor=ACTOR
    ),
    "delete": lambda _app, user, server: tokens.delete_token(user, server, ACTOR),
    "sign in": lambda _app, user, _server: sessions.start_session(user, ACTOR),
    "disable": lambda _app, user, _server: accounts.set_active(user.email, False, ACTOR),
    "delete an account": lambda _app, user, _server: accounts.delete_account(user.email, ACTOR),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_cannot_be_recorded_is_not_done(app: Flask, act: str) -> None:
    def state() -> list[object]:
        db.session.rollback()
        tables = ("users", "mcp_auth_tokens", "login_sessions", "audit_events", "audit_chains")
        return [db.session.execute(db.text(f"SELECT * FROM {table}")).all() for table in tables]  # noqa: S608

    with app.app_context():
        user, server = make_user(), make_server()
        make_token(user, server)
        before = state()

        with shut(), pytest.raises(LedgerClosedError):
            ACTS[act](app, user, server.id)

        assert state() == before
        ACTS[act](app, db.session.get_one(User, user.id), server.id)


def test_fifty_people_at_once_make_fifty_chains_that_verify(app: Flask) -> None:
    with app.app_context():
        app.extensions["audit_key"].prepare()
        people = [make_user(f"person-{number}@example.com").id for number in range(50)]
        shared = make_user("everyone@example.com").id
        db.session.remove()
    failed: list[BaseException] = []

    def write(user_id: int) -> None:
        with app.app_context():
            try:
                for subject in (user_id, shared, user_id):
                    record(Action.SERVER_CHANGED, ACTOR, subject_user_id=subject)
                    db.session.commit()
            except Exception as error:
                failed.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=write, args=(user_id,)) for user_id in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with app.app_context():
        verdict = verify_ledger(app.extensions["audit_key"])
        assert (verdict.fault, verdict.unsealed) == (None, 0)
        assert verdict.events == 51 + 150
        assert json.loads(take_head().as_json())["chains"][str(shared)][0] == 51
