"""Lock order: what meets at the same rows waits for one another, in no circle, and knows what it changed."""

from __future__ import annotations

from functools import partial

import pytest
from flask import Flask

from app.errors import ChangedMeanwhileError, SignInFailedError
from app.extensions import db
from app.models import AuditEvent, LoginSession, Server, ServerGroup, User
from app.services.group_delete import delete_group
from app.services.offboarding import delete_person
from app.services.person_change import PersonChange, change_person
from app.services.server_delete import delete_server
from app.services.server_groups import Audience, set_audience
from app.services.sessions import start_session
from tests.factories import ACTOR, make_group, make_server, make_user
from tests.services.test_server_change import at_once

ROUNDS = 12


def test_a_server_and_its_group_are_deleted_at_once(app: Flask) -> None:
    for number in range(ROUNDS):
        with app.app_context():
            server = make_server().id
            group = make_group(f"Team {number}", servers=[db.session.get_one(Server, server)]).id

        done = at_once(
            app,
            partial(delete_server, server, deleted_tokens=None, actor=ACTOR),
            partial(delete_group, group, ACTOR, unavailable_tokens=None),
        )

        assert done == [0, 0]


def test_a_person_signs_in_and_is_deleted_at_once(app: Flask) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)
    for _ in range(ROUNDS):
        with app.app_context():
            ann = make_user()

        def sign_in(ann: User = ann) -> str:
            try:
                start_session(ann, ACTOR)
            except SignInFailedError:
                return "refused"
            return "signed in"

        signed_in, deleted = at_once(app, sign_in, partial(delete_person, ann.id, ACTOR))

        assert signed_in in {"refused", "signed in"}
        assert deleted.tokens == []
        with app.app_context():
            assert db.session.scalars(db.select(LoginSession)).all() == []


def test_who_was_disabled_or_deleted_since_their_password_was_verified_is_refused(app: Flask) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)
        ann = make_user()
        change_person(ann.id, PersonChange(is_active=False), ACTOR)
        for _ in range(2):
            with pytest.raises(SignInFailedError):
                start_session(ann, ACTOR)
            if db.session.get(User, ann.id, populate_existing=True):
                delete_person(ann.id, ACTOR)


def test_whoever_is_slower_with_an_audience_changes_what_they_have_locked_alone(app: Flask) -> None:
    with app.app_context():
        groups = [make_group(name).id for name in "ABCD"]
        server = make_server().id
    for _ in range(ROUNDS):
        works = [
            partial(set_audience, server, Audience(False, frozenset({group})), ACTOR, unavailable_tokens=None)
            for group in groups
        ]

        done = at_once(app, *works)

        assert [one for one in done if not isinstance(one, bool | ChangedMeanwhileError)] == []
        with app.app_context():
            assert told() == set(db.session.scalars(db.select(ServerGroup.group_id)))


def told() -> set[int]:
    """Return the groups that the server names, as the ledger tells it."""
    named: set[int] = set()
    events = db.select(AuditEvent).where(AuditEvent.action == "group.changed").order_by(AuditEvent.id)
    for event in db.session.scalars(events):
        if event.outcome == "server_added":
            named.add(event.details["group"])
        elif event.outcome == "server_removed":
            named.remove(event.details["group"])
    return named
