"""Invitations: an account that nobody can sign in to until its person has set a password, once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.errors import InvalidInputError, NotThereError, SignInFailedError, WrongStateError
from app.extensions import db
from app.models import AuditEvent, PasswordReset, User
from app.models.user import NO_PASSWORD
from app.services import accounts, invitations, offboarding, one_time_links, sign_in
from app.services.audit_verify import verify_ledger
from app.services.one_time_links import OneTimeLink
from app.services.sign_in import Visitor
from tests.factories import ACTOR, PASSWORD, all_users, make_user

EMAIL = "eve@example.com"


def invite(role: str | None = None, email: str = EMAIL) -> OneTimeLink:
    return invitations.invite(email, role, ACTOR)[0]


def accept(link: OneTimeLink, password: str = PASSWORD) -> User:
    return one_time_links.set_password(link.code, password, ACTOR)


def signs_in(email: str = EMAIL, password: str = PASSWORD) -> bool:
    try:
        sign_in.authenticate(email, password, Visitor(ACTOR, is_counted=False))
    except SignInFailedError:
        return False
    return True


def events() -> list[tuple[str, str, dict[str, Any]]]:
    found = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id))
    return [(event.action, event.outcome, event.details) for event in found]


def test_who_is_invited_signs_in_once_they_have_set_a_password_and_not_before(app: Flask) -> None:
    with app.app_context():
        link = invite("auditor")
        for password in ("", NO_PASSWORD, link.code, PASSWORD):
            assert not signs_in(password=password)
        invited = accounts.get_user(EMAIL)
        assert (invited.state, invited.role, invited.password_hash) == ("invited", "auditor", NO_PASSWORD)

        accept(link)

        assert (signs_in(), accounts.get_user(EMAIL).state) == (True, "active")
        made = [event for event in events() if event[0].startswith("account.")]
        assert made == [("account.invited", "ok", {"role": "auditor"}), ("account.created", "ok", {})]
        last = db.session.scalars(db.select(AuditEvent).filter_by(action="account.created")).one()
        assert (last.actor_name, last.actor_id) == (EMAIL, last.subject_user_id)


def test_the_code_is_kept_as_a_digest_and_stands_in_no_event(app: Flask) -> None:
    with app.app_context():
        link = invite()

        kept = db.session.scalars(db.select(PasswordReset)).one()
        assert link.code not in kept.code_hash and link.code not in repr(link)
        assert link.code not in str(events())


def test_a_link_opens_once_and_neither_an_older_nor_a_late_one_opens(app: Flask, time_machine: Any) -> None:
    with app.app_context():
        first = invite()
        second, is_new = invitations.invite(f" {EMAIL.upper()}", None, ACTOR)
        third = invitations.renew_invitation(second.user_id, ACTOR)
        assert not is_new and first.user_id == second.user_id == third.user_id

        for older in (first, second):
            with pytest.raises(NotThereError):
                accept(older)
        time_machine.move_to(clock.now() + timedelta(hours=72, seconds=1))
        with pytest.raises(NotThereError):
            accept(third)
        fourth = invite()
        accept(fourth)
        with pytest.raises(NotThereError):
            accept(fourth, "another password")

        invited = [outcome for action, outcome, _ in events() if action == "account.invited"]
        assert invited == ["ok", "renewed", "renewed", "renewed"]


@pytest.mark.parametrize("how", ["disabled", "enabled again", "deleted", "deleted and invited again"])
def test_no_link_from_before_opens_an_account_that_was_taken_away(app: Flask, how: str) -> None:
    with app.app_context():
        link = invite()
        if "deleted" in how:
            offboarding.delete_person(link.user_id, ACTOR)
        else:
            accounts.set_active(EMAIL, False, ACTOR)
        if how == "enabled again":
            accounts.set_active(EMAIL, True, ACTOR)
        if how == "deleted and invited again":
            assert invite().user_id != link.user_id

        with pytest.raises(NotThereError):
            accept(link)
        assert not signs_in()


def test_who_has_an_account_is_not_invited_and_a_link_is_no_way_into_it(app: Flask) -> None:
    with app.app_context():
        for email, state, reason in (
            ("ann@example.com", "active", "has_account"),
            ("off@example.com", "disabled", "is_disabled"),
        ):
            user = make_user(email)
            accounts.set_active(email, state == "active", ACTOR)

            with pytest.raises(InvalidInputError, match=reason):
                invite("admin", email)
            with pytest.raises(WrongStateError, match=state):
                invitations.renew_invitation(user.id, ACTOR)

            assert accounts.get_user(email).role == "user"
        assert db.session.query(PasswordReset).count() == 0
        with pytest.raises(NotThereError):
            invitations.renew_invitation(99, ACTOR)


def test_inviting_again_changes_the_role_when_it_names_one(app: Flask) -> None:
    with app.app_context():
        invite("admin")

        invite(None)
        assert accounts.get_user(EMAIL).role == "admin"
        invite("user")

        assert accounts.get_user(EMAIL).role == "user"
        assert [event[:2] for event in events()] == [
            ("account.invited", "ok"),
            ("account.invited", "renewed"),
            ("role.changed", "user"),
            ("account.invited", "renewed"),
        ]


@pytest.mark.parametrize(
    "email",
    ["", "eve", "eve@", "a\x00@example.com", "a\r\nBcc: b@example.com", "<b>@example.com", "а@example.com"],
)
def test_what_is_no_address_is_not_invited(app: Flask, email: str) -> None:
    with app.app_context():
        with pytest.raises(InvalidInputError, match="email_invalid"):
            invite("user", email)
        with pytest.raises(InvalidInputError, match="unknown"):
            invite("root")
        assert all_users() == []


def test_an_invited_address_is_as_taken_for_strangers_as_any(app: Flask) -> None:
    with app.app_context():
        invite()

        with pytest.raises(InvalidInputError, match="email_taken"):
            accounts.create_account(EMAIL, PASSWORD, ACTOR)
        with pytest.raises(WrongStateError, match="invited"):
            one_time_links.open_password_reset(accounts.get_user(EMAIL).id, ACTOR)


def test_accepting_and_renewing_at_once_never_leave_a_link_to_an_account_in_use(app: Flask) -> None:
    """With such a link, who renewed it would set the password of somebody who has accepted."""
    for number in range(6):
        email = f"eve-{number}@example.com"
        with app.app_context():
            link = invite(email=email)
        start, won = threading.Barrier(2), []

        def run(act: Any, name: str, start: threading.Barrier, won: list[str]) -> None:
            with app.app_context():
                start.wait()
                try:
                    act()
                    won.append(name)
                except (NotThereError, WrongStateError):
                    pass
                finally:
                    db.session.remove()

        acts = {
            "accepted": lambda link=link: accept(link),
            "renewed": lambda link=link: invitations.renew_invitation(link.user_id, ACTOR),
        }
        threads = [threading.Thread(target=run, args=(act, name, start, won)) for name, act in acts.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        with app.app_context():
            assert len(won) == 1
            state = accounts.get_user(email).state
            links = db.session.query(PasswordReset).filter_by(user_id=link.user_id).count()
            assert (state, links) == (("active", 0) if won == ["accepted"] else ("invited", 1))
    with app.app_context():
        assert verify_ledger(app.extensions["audit_key"]).fault is None
