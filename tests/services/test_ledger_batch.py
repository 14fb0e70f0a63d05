"""Events for many people at once: the same ledger as one by one."""

from __future__ import annotations

import secrets

import pytest
from flask import Flask

from app.errors import LedgerClosedError
from app.extensions import db
from app.models import AuditEvent
from app.services import ledger_batch
from app.services.audit import Action, record, record_for_each
from app.services.audit_verify import seal_all_pending, verify_ledger
from app.services.keys import Keys, Secrets
from app.services.ledger import AuditKey, seal_with
from tests.factories import ACTOR, make_server
from tests.ledgers import shut


def record_all(*user_ids: int) -> None:
    record_for_each(Action.TOKEN_DELETED, ACTOR, user_ids, outcome="x", server=make_server())
    db.session.commit()


def places() -> list[tuple[int, int, bool]]:
    statement = db.select(AuditEvent.chain, AuditEvent.place, AuditEvent.seal.is_not(None))
    return [(*row,) for row in db.session.execute(statement.order_by(AuditEvent.chain, AuditEvent.place))]


def test_each_chain_goes_on_where_it_was_and_the_ledger_verifies(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_batch, "BATCH_SIZE", 2)
    with app.app_context():
        app.extensions["audit_key"].prepare()
        record(Action.TOKEN_SAVED, ACTOR, subject_user_id=7)
        db.session.commit()

        record_all(9, 7, 8)
        record_all(7, 10)
        record(Action.TOKEN_SAVED, ACTOR, subject_user_id=8)
        db.session.commit()

        assert places() == [
            *((7, 1, True), (7, 2, True), (7, 3, True)),
            *((8, 1, True), (8, 2, True), (9, 1, True), (10, 1, True)),
        ]
        verdict = verify_ledger(app.extensions["audit_key"])
        assert (verdict.fault, verdict.events, verdict.unsealed) == (None, 7, 0)
        people = db.session.scalars(db.select(AuditEvent.subject_user_id)).all()
        assert sorted(people) == [7, 7, 7, 8, 8, 9, 10]


def test_for_nobody_nothing_is_written(app: Flask) -> None:
    with app.app_context():
        record_all()

        assert places() == []


def test_without_a_key_they_are_sealed_in_order_by_the_first_that_has_one(app: Flask) -> None:
    with app.app_context():
        app.extensions["audit_key"].prepare()
        record_all(1, 2)
        seal_with(db.engine, AuditKey(Keys(Secrets(secrets.token_urlsafe(32), ()))))

        record_all(1, 3)

        assert places() == [(1, 1, True), (1, 2, False), (2, 1, True), (3, 1, False)]
        seal_with(db.engine, app.extensions["audit_key"])
        record_all(1, 2)
        assert places()[:3] == [(1, 1, True), (1, 2, True), (1, 3, True)]
        assert seal_all_pending(app.extensions["audit_key"]) == 1
        assert verify_ledger(app.extensions["audit_key"]).fault is None


def test_a_table_that_takes_no_events_stops_what_they_record(app: Flask) -> None:
    with app.app_context():
        server = make_server()
        with shut(), pytest.raises(LedgerClosedError):
            record_for_each(Action.TOKEN_DELETED, ACTOR, [1, 2], outcome="x", server=server)
