"""Sign-in: guessers are slowed down, and nobody else is."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask

from app import clock
from app.errors import InvalidInputError, SignInFailedError, TooManyAttemptsError
from app.extensions import db
from app.models import AuditEvent, FailureCount, KnownBrowser
from app.services import accounts, sessions
from app.services.actors import Actor
from app.services.sign_in import Visitor, authenticate, confirm_password, network_of
from tests.factories import ACTOR, PASSWORD, make_user

EMAIL = "ann@example.com"
WRONG = "wrong horse battery"


def visitor(address: str = "192.0.2.1", browser_id: str | None = None) -> Visitor:
    return Visitor(Actor(None, "", address, "Firefox on Linux", "req1"), browser_id)


def fail(times: int, who: Visitor, email: str = EMAIL) -> None:
    for _ in range(times):
        with pytest.raises(SignInFailedError):
            authenticate(email, WRONG, who)


def seconds_to_wait(who: Visitor, email: str = EMAIL, password: str = WRONG) -> int:
    with pytest.raises(TooManyAttemptsError) as caught:
        authenticate(email, password, who)
    return caught.value.retry_after


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com", "off@example.com", "no address"])
def test_the_sixth_attempt_waits_whoever_it_is_for(app: Flask, email: str) -> None:
    with app.app_context():
        make_user(EMAIL)
        make_user("off@example.com")
        accounts.set_active("off@example.com", False, ACTOR)

        fail(5, visitor(), email)
        waits = [seconds_to_wait(visitor(), email, PASSWORD) for _ in range(6)]

        assert 1 <= waits[0] <= 10
        assert waits == sorted(waits)
        assert max(waits) == waits[-1] and 29 <= waits[-1] <= 30


def test_spellings_of_one_address_count_together_and_addresses_of_clients_change_nothing(app: Flask) -> None:
    with app.app_context():
        make_user(EMAIL)
        spellings = [
            "ann@example.com",
            "ANN@example.com ",
            "ａｎｎ@Example.com",
            "Ann@EXAMPLE.COM",
            "ann@example.com",
        ]

        for number, spelling in enumerate(spellings):
            fail(1, visitor(f"192.0.2.{number}"), spelling)

        assert seconds_to_wait(visitor("198.51.100.9"))


def test_after_the_wait_the_right_password_opens_and_wipes_the_slate_clean(
    app: Flask, time_machine: object
) -> None:
    with app.app_context():
        make_user(EMAIL)
        fail(5, visitor())
        # However much somebody hammers, thirty seconds after the last comparison the door is open.
        for _ in range(50):
            assert seconds_to_wait(visitor()) <= 30

        time_machine.move_to(clock.now() + timedelta(seconds=31))  # type: ignore[attr-defined]
        assert authenticate(EMAIL, PASSWORD, visitor())

        fail(5, visitor())
        seconds_to_wait(visitor())


def test_a_browser_that_signed_in_before_is_not_held_up_by_a_stranger(app: Flask) -> None:
    with app.app_context():
        user = make_user(EMAIL)
        known = sessions.start_session(user, ACTOR).browser_id
        fail(5, visitor())
        seconds_to_wait(visitor())

        fail(6, visitor(browser_id=known))
        assert authenticate(EMAIL, PASSWORD, visitor(browser_id=known))

        # It says nothing of other accounts, and a made-up one is none.
        make_user("bob@example.com")
        fail(5, visitor(browser_id=known), "bob@example.com")
        seconds_to_wait(visitor(browser_id=known), "bob@example.com")
        seconds_to_wait(visitor(browser_id="made-up"))


def test_a_browser_that_is_known_guesses_twenty_times_and_no_more(app: Flask) -> None:
    with app.app_context():
        known = sessions.start_session(make_user(EMAIL), ACTOR).browser_id

        fail(20, visitor(browser_id=known))

        assert seconds_to_wait(visitor(browser_id=known))


def test_nobody_can_plant_the_id_of_a_known_browser(app: Flask) -> None:
    with app.app_context():
        user = make_user(EMAIL)

        assert sessions.start_session(user, ACTOR, "planted").browser_id != "planted"
        first = sessions.start_session(user, ACTOR).browser_id
        assert sessions.start_session(user, ACTOR, first).browser_id == first
        bob = make_user("bob@example.com")
        assert sessions.start_session(bob, ACTOR, first).browser_id == first

        for _ in range(30):
            sessions.start_session(user, ACTOR)
        assert db.session.scalar(db.select(db.func.count(KnownBrowser.id)).filter_by(user_id=user.id)) == 20


def test_one_address_that_tries_many_accounts_is_slowed_down_too(app: Flask) -> None:
    with app.app_context():
        for number in range(30):
            fail(1, visitor(), f"person-{number}@example.com")

        assert seconds_to_wait(visitor(), "person-31@example.com")
        fail(1, visitor("198.51.100.9"), "person-32@example.com")


def test_of_ipv6_a_whole_subscriber_counts_as_one() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert (network_of("192.0.2.1"), network_of("")) == ("192.0.2.1", "")


def test_a_hundred_attempts_at_once_are_five_guesses(app: Flask) -> None:
    with app.app_context():
        make_user(EMAIL)
    guesses: list[bool] = []

    def guess() -> None:
        with app.app_context():
            try:
                authenticate(EMAIL, WRONG, visitor())
            except SignInFailedError:
                guesses.append(True)
            except TooManyAttemptsError:
                guesses.append(False)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=guess) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(guesses) == 24
    assert guesses.count(True) <= 5


def test_strangers_leave_no_trace_in_the_ledger_and_a_known_account_one_line_a_row_of_failures(
    app: Flask,
) -> None:
    def actions() -> list[str]:
        return list(db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id)))

    with app.app_context():
        make_user(EMAIL)
        before = len(actions())

        for email in ("nobody@example.com", EMAIL):
            fail(5, visitor(), email)
            for _ in range(10):
                seconds_to_wait(visitor(), email)

        assert actions()[before:] == ["sign_in.failed"] * 5 + ["sign_in.limited"]
        kept = db.session.scalars(db.select(FailureCount.key_hash)).all()
        assert all(len(key) == 64 and "@" not in key for key in kept)


def test_old_counts_are_forgotten_and_deleted(app: Flask, time_machine: object) -> None:
    with app.app_context():
        fail(5, visitor())

        time_machine.move_to(clock.now() + timedelta(minutes=16))  # type: ignore[attr-defined]
        fail(5, visitor())
        time_machine.move_to(clock.now() + timedelta(days=2))  # type: ignore[attr-defined]
        fail(1, visitor("198.51.100.9"), "other@example.com")

        assert db.session.scalar(db.select(db.func.count(FailureCount.key_hash))) == 2


def test_with_the_counter_off_nobody_waits(app: Flask) -> None:
    with app.app_context():
        make_user(EMAIL)

        fail(8, Visitor(ACTOR, is_counted=False))
        assert authenticate(EMAIL, PASSWORD, Visitor(ACTOR, is_counted=False))


def test_a_password_asked_for_again_is_counted_for_its_session_alone(app: Flask) -> None:
    with app.app_context():
        user = make_user(EMAIL)
        sessions.start_session(user, ACTOR)

        for _ in range(5):
            with pytest.raises(InvalidInputError, match="password_wrong"):
                confirm_password(user, WRONG, visitor())
        with pytest.raises(TooManyAttemptsError):
            confirm_password(user, PASSWORD, visitor())

        assert authenticate(EMAIL, PASSWORD, visitor())
        sessions.start_session(user, ACTOR)
        confirm_password(user, PASSWORD, visitor())
