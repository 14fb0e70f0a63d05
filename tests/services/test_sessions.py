"""Sessions: rows that end on the server, by time or by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app import clock
from app.extensions import db
from app.models import LoginSession, User
from app.services import accounts, sessions
from app.services.actors import Actor

STRANGER = Actor(None, "", "192.0.2.1", "Firefox on Linux", "req1")


@pytest.fixture
def user(app: Flask) -> User:
    with app.app_context():
        return accounts.create_account("ann@example.com", "correct horse battery", STRANGER)


def test_the_database_does_not_hold_what_the_cookie_holds(app: Flask, user: User) -> None:
    with app.app_context():
        session_id = sessions.start_session(db.session.merge(user), STRANGER).session_id

        row = db.session.scalars(db.select(LoginSession)).one()

        assert session_id not in {str(value) for value in vars(row).values()}


def test_signing_out_ends_this_session_and_no_other(app: Flask, user: User) -> None:
    with app.app_context():
        here, there = (sessions.start_session(db.session.merge(user), STRANGER).session_id for _ in range(2))
        signed_in = sessions.find_signed_in(here)
        assert signed_in is not None

        sessions.end_session(signed_in, STRANGER.signed_in_as(signed_in))

        assert sessions.find_signed_in(here) is None
        assert sessions.find_signed_in(there) is not None


@pytest.mark.parametrize("session_id", ["", "x", "\x00", "\ud800", "가" * 10_000])
def test_a_made_up_id_is_nobody(app: Flask, session_id: str) -> None:
    with app.app_context():
        assert sessions.find_signed_in(session_id) is None


def test_a_session_ends_after_two_idle_hours(app: Flask, user: User, time_machine: object) -> None:
    with app.app_context():
        session_id = sessions.start_session(db.session.merge(user), STRANGER).session_id
        started = clock.now()

        time_machine.move_to(started + timedelta(hours=1, minutes=59))  # type: ignore[attr-defined]
        assert sessions.find_signed_in(session_id) is not None
        time_machine.move_to(started + timedelta(hours=3, minutes=58))  # type: ignore[attr-defined]
        assert sessions.find_signed_in(session_id) is not None
        time_machine.move_to(started + timedelta(hours=6))  # type: ignore[attr-defined]
        assert sessions.find_signed_in(session_id) is None


def test_a_session_ends_after_twelve_hours_however_busy(app: Flask, user: User, time_machine: object) -> None:
    with app.app_context():
        session_id = sessions.start_session(db.session.merge(user), STRANGER).session_id
        started = clock.now()

        for hour in range(1, 12):
            time_machine.move_to(started + timedelta(hours=hour))  # type: ignore[attr-defined]
            assert sessions.find_signed_in(session_id) is not None
        time_machine.move_to(started + timedelta(hours=12, seconds=1))  # type: ignore[attr-defined]

        assert sessions.find_signed_in(session_id) is None
