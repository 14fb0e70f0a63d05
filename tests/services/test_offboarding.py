"""Offboarding: what goes with a person, all of it and nothing else; and what a disabled one can still do."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, current_app

from app import clock
from app.errors import NotThereError, SignedOutError
from app.extensions import db
from app.models import Group, GroupMember, LoginSession, PendingSignIn, Token, User
from app.services import accounts, offboarding, one_time_links, second_step, sessions, tokens, totp
from app.services.audit import Action, record
from app.services.audit_verify import verify_ledger
from app.services.ending_tokens import list_ending_tokens
from app.services.sign_in import Visitor
from app.services.tokens import NewToken
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user

#: What tells of somebody without hanging on them: the ledger outlives everyone.
LEDGER = {"audit_events", "audit_chains"}


def furnish(email: str) -> User:
    """Make a person with something in every table that can hold anything of a person."""
    user = make_user(email)
    keys = current_app.extensions["keys"]
    for name in ("GitHub", "Linear"):
        make_token(user, make_server(name, token_help_url=f"https://{name.lower()}.example.com/tokens"))
    sessions.start_session(user, ACTOR)
    second_step.open_second_step(user)
    totp.start_enrolment(user, PASSWORD, keys=keys, visitor=Visitor(ACTOR))
    # From now on they do nothing in a browser.
    user.session_id = None
    totp._new_recovery_codes(user.id)
    one_time_links.open_password_reset(user.id, ACTOR)
    group = Group(name=f"Group of {email}", created_at=clock.now())
    db.session.add(group)
    db.session.flush()
    db.session.add(GroupMember(group_id=group.id, user_id=user.id))
    record(Action.TOKEN_UNREADABLE, ACTOR, subject_user_id=user.id)
    db.session.commit()
    return user


def columns_about_people() -> list[tuple[str, str]]:
    """Return table and column wherever a person's id may stand: by foreign key, and by name."""
    inspector = sa.inspect(db.engine)
    found = set()
    for table in inspector.get_table_names():
        for key in inspector.get_foreign_keys(table):
            if key["referred_table"] == "users":
                found |= {(table, column) for column in key["constrained_columns"]}
        names = {column["name"] for column in inspector.get_columns(table)}
        found |= {(table, name) for name in names if "user" in name or "person" in name or "actor_id" in name}
    return sorted({(table, column) for table, column in found if table not in LEDGER} | {("users", "id")})


def rows_about(user_id: int) -> dict[str, int]:
    """Return table.column → rows that name the person."""
    counted = {}
    for table, column in columns_about_people():
        statement = sa.text(f'SELECT count(*) FROM "{table}" WHERE "{column}" = :id')  # noqa: S608
        counted[f"{table}.{column}"] = int(db.session.execute(statement, {"id": user_id}).scalar_one())
    return counted


def test_a_deleted_person_leaves_nothing_but_their_events_and_others_lose_nothing(app: Flask) -> None:
    with app.app_context():
        app.extensions["audit_key"].prepare()
        ann, ben = furnish("ann@example.com").id, furnish("ben@example.com").id
        before = rows_about(ann)
        assert len(before) >= 8
        assert [place for place, rows in before.items() if not rows] == [], "furnish() leaves this empty"
        others = rows_about(ben)

        leaving = offboarding.delete_person(ann, ACTOR)

        assert set(rows_about(ann).values()) == {0}
        assert rows_about(ben) == others
        assert (len(leaving.tokens), leaving.sessions, leaving.groups) == (2, 1, 1)
        verdict = verify_ledger(app.extensions["audit_key"])
        assert (verdict.fault, verdict.unsealed) == (None, 0)
        told = sa.text("SELECT count(*) FROM audit_events WHERE subject_user_id = :id")
        assert db.session.execute(told, {"id": ann}).scalar_one() >= 5
        # Their id is nobody's ever again.
        assert make_user("ann@example.com").id > ben
        if db.engine.dialect.name == "sqlite":
            assert db.session.execute(sa.text("PRAGMA foreign_key_check")).all() == []


def test_what_leaves_is_listed_by_name_with_its_state_and_the_providers_page(app: Flask) -> None:
    with app.app_context():
        user = make_user()
        for name, more in {
            "Zulip": {"token_help_url": "https://zulip.example.com/tokens"},
            "Alpha": {"is_enabled": False},
        }.items():
            server = make_server(name)
            make_token(user, server)
            for column, value in more.items():
                setattr(server, column, value)
        db.session.commit()

        leaving = offboarding.what_leaves(user.id)

        told = [(one.server, one.is_enabled, one.status, one.token_help_url) for one in leaving.tokens]
        assert told == [
            ("Alpha", False, "saved", None),
            ("Zulip", True, "saved", "https://zulip.example.com/tokens"),
        ]
        assert "a1b2" not in repr(leaving)
        assert offboarding.what_leaves(99).tokens == []
        with pytest.raises(NotThereError):
            offboarding.delete_person(99, ACTOR)


def test_a_token_that_is_saved_during_the_deletion_is_listed_or_refused_but_never_left(app: Flask) -> None:
    for number in range(4):
        with app.app_context():
            user, server = make_user(f"ann-{number}@example.com"), make_server()
            make_token(user, make_server())
        start, said = threading.Barrier(2), {}

        def save(user: Any, server: Any, start: threading.Barrier, said: dict[str, Any]) -> None:
            with app.app_context():
                start.wait()
                try:
                    keys = app.extensions["keys"]
                    new = NewToken("a-token-that-is-late")
                    tokens.save_token(user, server.id, new, keys=keys, actor=ACTOR)
                    said["saved"] = True
                except (NotThereError, SignedOutError):
                    said["saved"] = False
                finally:
                    db.session.remove()

        def delete(user_id: int, start: threading.Barrier, said: dict[str, Any]) -> None:
            with app.app_context():
                start.wait()
                said["listed"] = len(offboarding.delete_person(user_id, ACTOR).tokens)
                db.session.remove()

        threads = [
            threading.Thread(target=save, args=(user, server, start, said)),
            threading.Thread(target=delete, args=(user.id, start, said)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert said["listed"] == (2 if said["saved"] else 1)
        with app.app_context():
            assert db.session.query(Token).count() == 0


def test_a_disabled_person_keeps_their_tokens_and_can_do_nothing_with_them(app: Flask) -> None:
    with app.app_context():
        user = furnish("ann@example.com")
        session_id = sessions.start_session(user, ACTOR).session_id
        pending = second_step.open_second_step(user)
        link = one_time_links.open_password_reset(user.id, ACTOR)
        db.session.execute(sa.update(Token).values(expires_at=clock.now()))
        db.session.commit()
        assert len(list_ending_tokens()) == 2

        accounts.set_active("ann@example.com", False, ACTOR)

        assert list_ending_tokens() == []
        for _ in ("while disabled", "enabled again"):
            assert sessions.find_signed_in(session_id) is None
            for find in (
                lambda: second_step.find_second_step(pending),
                lambda: one_time_links.find_by_link(link.code),
            ):
                with pytest.raises(NotThereError):
                    find()
            accounts.set_active("ann@example.com", True, ACTOR)
        assert db.session.query(Token).count() == 2
        assert db.session.query(LoginSession).count() == db.session.query(PendingSignIn).count() == 0
