"""Accounts: one account an address, one error for every failed sign-in, links that work once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask

from app import clock
from app.errors import InvalidInputError, NotThereError, SignInFailedError
from app.extensions import db
from app.models import AuditEvent, User
from app.services import accounts, one_time_links, sessions, sign_in
from app.services.actors import Actor
from app.services.sign_in import Visitor
from tests.factories import all_users, make_password_link

STRANGER = Actor(None, "", "192.0.2.1", "Firefox on Linux", "req1")
PASSWORD = "correct horse battery"


def actions() -> list[str]:
    return list(db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id)))


@pytest.mark.parametrize("spelling", ["ann@example.com", " Ann@Example.COM\n", "ANN@EXAMPLE.COM"])
def test_every_spelling_of_an_address_is_one_account(app: Flask, spelling: str) -> None:
    with app.app_context():
        accounts.create_account("ann@example.com", PASSWORD, STRANGER)

        with pytest.raises(InvalidInputError, match="email_taken"):
            accounts.create_account(spelling, PASSWORD, STRANGER)
        assert sign_in.authenticate(spelling, PASSWORD, Visitor(STRANGER)).email == "ann@example.com"


@pytest.mark.parametrize("email", ["", "ann", "ann@", "@example.com", "a b@example.com", "a\x00@example.com"])
def test_what_is_not_an_address_is_refused(app: Flask, email: str) -> None:
    with app.app_context(), pytest.raises(InvalidInputError, match="email_invalid"):
        accounts.create_account(email, PASSWORD, STRANGER)


@pytest.mark.parametrize(("length", "reason"), [(11, "password_short"), (129, "password_long")])
def test_a_password_is_judged_by_its_length(app: Flask, length: int, reason: str) -> None:
    with app.app_context():
        with pytest.raises(InvalidInputError, match=reason):
            accounts.create_account("ann@example.com", "p" * length, STRANGER)
        assert all_users() == []


def test_sign_ups_at_once_make_one_account(app: Flask) -> None:
    made: list[bool] = []

    def sign_up() -> None:
        with app.app_context():
            try:
                accounts.create_account("ann@example.com", PASSWORD, STRANGER)
                made.append(True)
            except InvalidInputError:
                made.append(False)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=sign_up) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(made) == [False] * 5 + [True]


def test_unknown_wrong_and_disabled_fail_alike_and_strangers_leave_no_trace(app: Flask) -> None:
    with app.app_context():
        accounts.create_account("ann@example.com", PASSWORD, STRANGER)
        accounts.create_account("off@example.com", PASSWORD, STRANGER)
        accounts.set_active("off@example.com", False, Actor.of_cli())
        before = len(actions())

        for email, password in [
            ("nobody@example.com", PASSWORD),
            ("not an address", PASSWORD),
            ("ann@example.com", "wrong horse battery"),
            ("ann@example.com", "p" * 100_000),
            ("off@example.com", PASSWORD),
        ]:
            with pytest.raises(SignInFailedError) as caught:
                sign_in.authenticate(email, password, Visitor(STRANGER))
            assert caught.value.args == ()

        assert actions()[before:] == ["sign_in.failed"] * 3


def test_a_hash_of_old_parameters_is_renewed_at_sign_in(app: Flask) -> None:
    with app.app_context():
        user = accounts.create_account("ann@example.com", PASSWORD, STRANGER)
        user.password_hash = older = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
        db.session.commit()

        sign_in.authenticate("ann@example.com", PASSWORD, Visitor(STRANGER))

        assert db.session.get_one(User, user.id).password_hash != older
        assert sign_in.authenticate("ann@example.com", PASSWORD, Visitor(STRANGER))


def test_a_session_ends_everywhere_at_disabling_resetting_and_deleting(app: Flask) -> None:
    with app.app_context():
        for end in (
            lambda: accounts.set_active("ann@example.com", False, Actor.of_cli()),
            lambda: one_time_links.set_password(
                make_password_link("ann@example.com"), "another password", STRANGER
            ),
            lambda: accounts.delete_account("ann@example.com", Actor.of_cli()),
        ):
            user = accounts.find_user("ann@example.com")
            user = user or accounts.create_account("ann@example.com", PASSWORD, STRANGER)
            accounts.set_active("ann@example.com", True, Actor.of_cli())
            session_id = sessions.start_session(user, STRANGER).session_id
            assert sessions.find_signed_in(session_id) is not None

            end()

            assert sessions.find_signed_in(session_id) is None


def test_a_one_time_link_works_once_and_a_newer_one_replaces_it(app: Flask) -> None:
    with app.app_context():
        accounts.create_account("ann@example.com", PASSWORD, STRANGER)
        older = make_password_link("ann@example.com")
        newer = make_password_link("ann@example.com")

        with pytest.raises(NotThereError):
            one_time_links.set_password(older, "another password", STRANGER)
        with pytest.raises(InvalidInputError, match="password_short"):
            one_time_links.set_password(newer, "short", STRANGER)
        one_time_links.set_password(newer, "another password", STRANGER)

        with pytest.raises(NotThereError):
            one_time_links.set_password(newer, "a third password", STRANGER)
        assert sign_in.authenticate("ann@example.com", "another password", Visitor(STRANGER))


def test_a_one_time_link_ends_after_three_days(app: Flask, time_machine: object) -> None:
    with app.app_context():
        accounts.create_account("ann@example.com", PASSWORD, STRANGER)
        code = make_password_link("ann@example.com")

        time_machine.move_to(clock.now() + timedelta(hours=72, seconds=1))  # type: ignore[attr-defined]

        with pytest.raises(NotThereError):
            one_time_links.find_by_link(code)
