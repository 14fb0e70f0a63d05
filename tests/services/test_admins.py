"""Admins: whatever is done, and by however many at once, somebody who can administer is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.errors import LastAdminError
from app.extensions import db
from app.models import User
from app.services import accounts, invitations, offboarding, own_account
from app.services.person_change import PersonChange, change_person
from app.services.sign_in import Visitor
from tests.factories import ACTOR, PASSWORD, make_user


def delete_own(user_id: int) -> None:
    user = db.session.get_one(User, user_id)
    user.session_id = f"of {user_id}"
    own_account.delete_own_account(user, PASSWORD, Visitor(ACTOR))


#: Every way in which an admin stops being one.
WAYS: dict[str, Callable[[int], Any]] = {
    "delete": lambda user_id: offboarding.delete_person(user_id, ACTOR),
    "delete own": delete_own,
    "disable": lambda user_id: change_person(user_id, PersonChange(is_active=False), ACTOR),
    "make an auditor": lambda user_id: change_person(user_id, PersonChange(role="auditor"), ACTOR),
    "both": lambda user_id: change_person(user_id, PersonChange(is_active=False, role="user"), ACTOR),
    "by name": lambda user_id: accounts.set_role(db.session.get_one(User, user_id).email, "user", ACTOR),
}


def admins_left() -> int:
    statement = db.select(User).filter_by(role="admin").execution_options(populate_existing=True)
    return len([user for user in db.session.scalars(statement) if user.state == "active"])


def test_the_last_admin_stays_in_every_way_and_nothing_of_it_is_done(app: Flask) -> None:
    with app.app_context():
        carol = make_user("carol@example.com", admin=True).id
        # Neither of these can administer.
        make_user("dora@example.com", admin=True)
        accounts.set_active("dora@example.com", False, ACTOR)
        invitations.invite("eve@example.com", "admin", ACTOR)

        for act in WAYS.values():
            with pytest.raises(LastAdminError):
                act(carol)
            with pytest.raises(LastAdminError):
                change_person(carol, PersonChange(role="user", totp_required=True), ACTOR)

        user = db.session.get_one(User, carol)
        assert (user.state, user.role, user.totp_required) == ("active", "admin", False)
        # Those who do not administer may go.
        change_person(accounts.get_user("dora@example.com").id, PersonChange(role="user"), ACTOR)
        offboarding.delete_person(accounts.get_user("eve@example.com").id, ACTOR)


@pytest.mark.parametrize("way", WAYS)
def test_two_admins_who_are_removed_at_once_leave_one(app: Flask, way: str) -> None:
    for number in range(3):
        with app.app_context():
            db.session.execute(db.delete(User))
            db.session.commit()
            ids = [make_user(f"{name}-{number}@example.com", admin=True).id for name in ("carol", "dora")]
        start, outcomes = threading.Barrier(2), []

        def remove(user_id: int, start: threading.Barrier, outcomes: list[bool]) -> None:
            with app.app_context():
                start.wait()
                try:
                    WAYS[way](user_id)
                    outcomes.append(True)
                except LastAdminError:
                    outcomes.append(False)
                finally:
                    db.session.remove()

        threads = [threading.Thread(target=remove, args=(one, start, outcomes)) for one in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        with app.app_context():
            assert (sorted(outcomes), admins_left()) == ([False, True], 1)
