"""Reminders: each stage of each token claimed once, given back when not sent, due anew when it moved."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask

from app import clock
from app.errors import LedgerClosedError
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services import tokens
from app.services.audit_verify import verify_ledger
from app.services.ending_tokens import list_ending_tokens, stage_of
from app.services.reminders import (
    claim_reminders,
    due_reminders,
    forget_moved_reminders,
    release_reminders,
)
from app.services.tokens import NewToken
from tests.factories import ACTOR, make_server, make_token, make_user
from tests.ledgers import shut


def make_ending(
    days: float, *, user: User | None = None, server: Server | None = None, **more: object
) -> Token:
    """Save a token that ends in so many days; of its own person and server unless given."""
    number = (db.session.scalar(db.select(db.func.max(User.id))) or 0) + 1
    user = user or make_user(f"person-{number}@example.com")
    server = server or make_server(f"Server {number}")
    return make_token(user, server, expires_at=clock.now() + timedelta(days=days), **more)


def reminded(token: Token) -> int | None:
    return db.session.scalar(db.select(Token.reminded_days).where(Token.id == token.id))


def set_columns(token: Token, **columns: object) -> None:
    db.session.execute(db.update(Token).where(Token.id == token.id).values(**columns))
    db.session.commit()


def events() -> list[tuple[str, int]]:
    found = db.session.scalars(
        db.select(AuditEvent).where(AuditEvent.action == "token.reminded").order_by(AuditEvent.id)
    )
    return [(event.outcome, int(event.details["days"])) for event in found]


@pytest.mark.parametrize(
    ("left", "stage"),
    [
        (timedelta(days=14), 14),
        (timedelta(days=7, microseconds=1), 14),
        (timedelta(days=7), 7),
        (timedelta(days=1, microseconds=1), 7),
        (timedelta(days=1), 1),
        (timedelta(microseconds=1), 1),
        (timedelta(0), 0),
        (timedelta(days=-400), 0),
    ],
    ids=str,
)
def test_the_stage_is_the_smallest_that_is_reached(left: timedelta, stage: int) -> None:
    assert stage_of(left) == stage


def test_ending_tokens_come_in_order_whatever_state_they_are_in(app: Flask) -> None:
    with app.app_context():
        make_ending(14.01)
        make_ending(13.5)
        make_ending(2, bound_url="https://before.example.com/mcp")
        make_ending(1, unreadable_at=clock.now())
        make_ending(-3)
        make_token(make_user(), make_server())

        found = list_ending_tokens()

    assert [(token.status, token.days_left, token.stage) for token in found] == [
        ("expired", 0, 0),
        ("unreadable", 1, 1),
        ("on_hold", 2, 7),
        ("expiring", 14, 14),
    ]
    assert all(token.is_due for token in found)


def test_disabled_people_and_servers_are_left_alone(app: Flask) -> None:
    with app.app_context():
        person, server = make_ending(3), make_ending(3)
        db.session.execute(db.update(User).where(User.id == person.user_id).values(is_active=False))
        db.session.execute(
            db.update(Server).where(Server.id == server.mcp_server_id).values(is_enabled=False)
        )
        db.session.commit()

        assert list_ending_tokens() == []
        assert claim_reminders(person.user_id, ACTOR) == []
        assert claim_reminders(server.user_id, ACTOR) == []


def test_a_claim_is_made_once_and_recorded_with_its_stage(app: Flask) -> None:
    with app.app_context():
        app.extensions["audit_key"].prepare()
        token = make_ending(6)
        make_ending(20, user=db.session.get(User, token.user_id))

        assert [one.stage for one in claim_reminders(token.user_id, ACTOR)] == [7]
        assert claim_reminders(token.user_id, ACTOR) == []

        assert (reminded(token), due_reminders(), events()) == (7, {}, [("ok", 7)])
        assert verify_ledger(app.extensions["audit_key"]).fault is None


def test_a_released_claim_is_due_again_and_the_ledger_says_so(app: Flask) -> None:
    with app.app_context():
        token = make_ending(0.5, reminded_days=7)

        release_reminders(claim_reminders(token.user_id, ACTOR), ACTOR)

        assert (reminded(token), list(due_reminders())) == (7, [token.user_id])
        assert events() == [("ok", 1), ("not_sent", 1)]


def test_a_release_leaves_alone_what_happened_since(app: Flask) -> None:
    with app.app_context():
        later, replaced = make_ending(6), make_ending(6)
        claims = [*claim_reminders(later.user_id, ACTOR), *claim_reminders(replaced.user_id, ACTOR)]
        set_columns(later, reminded_days=1)
        set_columns(replaced, revision=2)

        release_reminders(claims, ACTOR)

        assert (reminded(later), reminded(replaced)) == (1, 7)


@pytest.mark.parametrize(
    "change",
    [{"revision": 2}, {"expires_at": clock.now() + timedelta(days=5)}, {"reminded_days": 14}],
    ids=["replaced", "moved", "claimed"],
)
def test_a_claim_of_what_changed_since_it_was_read_is_none(
    app: Flask, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    with app.app_context():
        token = make_ending(6)
        stale = list_ending_tokens(token.user_id)
        set_columns(token, **change)
        monkeypatch.setattr("app.services.reminders.list_ending_tokens", lambda _user_id: stale)

        assert claim_reminders(token.user_id, ACTOR) == []
        assert (reminded(token), events()) == (change.get("reminded_days"), [])


def test_what_cannot_be_recorded_is_not_claimed(app: Flask) -> None:
    with app.app_context():
        token = make_ending(6)
        with shut(), pytest.raises(LedgerClosedError):
            claim_reminders(token.user_id, ACTOR)

        assert (reminded(token), events()) == (None, [])


@pytest.mark.parametrize(("before", "now"), [(0, 10), (1, 3), (7, 13)])
def test_a_date_that_moved_past_its_stage_is_reminded_of_anew(app: Flask, before: int, now: int) -> None:
    with app.app_context():
        token = make_ending(now, reminded_days=before)

        assert [one.stage for one in claim_reminders(token.user_id, ACTOR)] == [stage_of(timedelta(days=now))]


def test_a_date_that_moved_out_of_sight_begins_anew(app: Flask) -> None:
    with app.app_context():
        far, never, near = make_ending(60, reminded_days=14), make_ending(5), make_ending(5, reminded_days=7)
        set_columns(never, expires_at=None, reminded_days=0)

        assert forget_moved_reminders() == 2

        assert [reminded(token) for token in (far, never, near)] == [None, None, 7]


def test_a_clock_that_is_slow_does_not_remind_again(app: Flask) -> None:
    with app.app_context():
        # Another machine found six days and 23:59, and reminded of the stage of seven.
        token = make_ending(7 + 1 / 1440, reminded_days=7)

        assert claim_reminders(token.user_id, ACTOR) == []


def test_a_replaced_token_is_reminded_of_anew(app: Flask) -> None:
    with app.app_context():
        token = make_ending(0.5, reminded_days=1)
        user = db.session.get(User, token.user_id)
        assert user
        new = NewToken("another-token-of-theirs", clock.now() + timedelta(days=12))
        tokens.save_token(user, token.mcp_server_id, new, keys=app.extensions["keys"], actor=ACTOR)

        assert [one.stage for one in claim_reminders(user.id, ACTOR)] == [14]


def test_many_at_once_claim_each_token_once(app: Flask) -> None:
    with app.app_context():
        user = make_user()
        for number in range(5):
            make_ending(3, user=user, server=make_server(f"Server {number}"))
        user_id = user.id
    claimed: list[int] = []
    ready = threading.Barrier(6)

    def claim() -> None:
        with app.app_context():
            ready.wait()
            claimed.append(len(claim_reminders(user_id, ACTOR)))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # All of one person's go to one of them, so that they go into one mail.
    assert sorted(claimed) == [0, 0, 0, 0, 0, 5]
    with app.app_context():
        assert len(events()) == 5
