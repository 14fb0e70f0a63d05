"""Oddities: each kind from the very acts that give rise to it; dismissed, outlived, in nobody's way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.errors import NotThereError, SignInFailedError, TokenUnreadableError
from app.extensions import db
from app.models import AuditEvent, OddEvent, Server, Token, User
from app.services import server_change
from app.services.actors import Actor
from app.services.audit_list import MAX_ID
from app.services.audit_verify import verify_ledger
from app.services.oddities import SHOWN, dismiss, oddities_of, oddities_of_all
from app.services.oddity_rules import KEPT_FOR
from app.services.offboarding import delete_person
from app.services.sessions import start_session
from app.services.sign_in import Visitor, authenticate
from app.services.uses import Door, Typed, begin_use
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.services.test_server_change import at_once

ACTOR = Actor(None, "", "192.0.2.1", "Firefox on Linux", "req1")
ELSEWHERE = replace(ACTOR, client_address="198.51.100.9")
TYPED = Typed("tok_" + "Hn6c4Bd8Sf0Pj2Gu9c3d4", belongs_here=True)


@dataclass
class Scene:
    """Ann with a token for a server, and what she and others do; the clock stands still between acts."""

    app: Flask
    user: User
    server: Server
    move_to: Callable[[Any], None]

    def wait(self, **time: float) -> None:
        self.move_to(clock.now() + timedelta(**time))

    def sign_in(self, actor: Actor = ACTOR) -> None:
        start_session(self.user, actor)

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(SignInFailedError):
                authenticate(self.user.email, "wrong horse battery", Visitor(ELSEWHERE, is_counted=False))

    def use(
        self, typed: Typed | None = None, purpose: Any = "call_tool", server: Server | None = None
    ) -> None:
        extensions = self.app.extensions
        door = Door(extensions["keys"], extensions["egress"], ACTOR, extensions["call_slots"])
        begin_use(self.user, (server or self.server).id, typed, purpose, door)

    def give_address(self, url: str) -> None:
        server_change.change_server(
            self.server.id, {"url": url}, held_tokens=1, egress=self.app.extensions["egress"], actor=ACTOR
        )

    def kinds(self) -> list[str]:
        return [one.kind for one in oddities_of(self.user)]


@pytest.fixture
def scene(app: Flask, time_machine: Any) -> Iterator[Scene]:
    with app.app_context():
        time_machine.move_to(clock.now(), tick=False)
        user, server = make_user(), make_server()
        make_token(user, server)
        yield Scene(app, user, server, partial(time_machine.move_to, tick=False))


def test_the_first_sign_in_is_not_odd_one_from_elsewhere_is_and_the_next_from_there_is_not(
    scene: Scene,
) -> None:
    scene.sign_in()
    assert scene.kinds() == []

    scene.sign_in(ELSEWHERE)
    scene.sign_in(ELSEWHERE)
    assert scene.kinds() == ["new_address"]

    # One notice for both: the agent says more.
    scene.sign_in(replace(ACTOR, agent="curl", client_address="203.0.113.5"))
    scene.sign_in(replace(ACTOR, agent="curl", client_address="203.0.113.5"))
    scene.sign_in()
    assert scene.kinds() == ["new_agent", "new_address"]


def test_another_persons_sign_ins_make_nothing_known(scene: Scene) -> None:
    start_session(make_user("bob@example.com"), ELSEWHERE)
    scene.sign_in()

    scene.sign_in(ELSEWHERE)

    assert scene.kinds() == ["new_address"]


def test_an_agent_of_long_ago_is_known_however_much_happened_since(scene: Scene) -> None:
    scene.sign_in(replace(ACTOR, agent="curl"))
    scene.sign_in()
    scene.wait(days=400)
    for _ in range(30):
        scene.sign_in()

    scene.sign_in(replace(ACTOR, agent="curl"))

    assert scene.kinds() == []


def test_the_fifth_failed_sign_in_within_a_day_is_odd_and_is_told_once_a_row(scene: Scene) -> None:
    scene.fail(4)
    scene.wait(hours=23)
    assert scene.kinds() == []

    scene.fail()
    (found,) = oddities_of(scene.user)
    assert (found.kind, found.client_address) == ("failed_sign_ins", ELSEWHERE.client_address)
    scene.fail(3)
    assert scene.kinds() == ["failed_sign_ins"]

    scene.wait(hours=25)
    scene.fail(4)
    assert len(scene.kinds()) == 1
    scene.fail()
    assert len(scene.kinds()) == 2


def test_failures_of_more_than_a_day_are_no_row(scene: Scene) -> None:
    for _ in range(8):
        scene.fail()
        scene.wait(hours=6, seconds=1)

    assert scene.kinds() == []


def test_a_saved_token_used_after_ninety_days_is_odd(scene: Scene) -> None:
    scene.use()
    scene.wait(days=89)
    scene.use()
    assert scene.kinds() == []

    scene.wait(days=90, seconds=1)
    # Neither of these uses what rested.
    scene.use(purpose="check")
    scene.use(TYPED)
    assert scene.kinds() == []
    scene.use()
    scene.use()

    (found,) = oddities_of(scene.user)
    assert (found.kind, found.server_name) == ("used_after_rest", scene.server.name)


def test_a_token_that_took_the_place_of_one_that_rested_is_not_odd(scene: Scene) -> None:
    scene.use()
    scene.wait(days=91)
    make_token(scene.user, scene.server, "tok_" + "Vb7Nm4Qw1Er8Ty5Ui2Op")

    scene.use()

    assert scene.kinds() == []


def test_the_hundredth_use_within_an_hour_is_odd_over_all_servers_and_told_once(scene: Scene) -> None:
    other = make_server("Other")
    scene.use()
    scene.wait(hours=1)
    for _ in range(99):
        scene.use(TYPED, server=other)
    # The first is no longer within the hour.
    assert scene.kinds() == []

    scene.use()
    scene.use()

    (found,) = oddities_of(scene.user)
    assert (found.kind, found.server_name) == ("burst_of_uses", scene.server.name)


def test_each_use_within_an_hour_of_a_new_address_is_odd_and_later_ones_are_not(scene: Scene) -> None:
    other = make_server("Other")
    scene.use(TYPED)
    scene.give_address("https://moved.example.com/mcp")
    scene.wait(minutes=59)

    scene.use(TYPED)
    scene.use(TYPED, server=other)
    scene.wait(minutes=1)
    scene.use(TYPED)

    (found,) = oddities_of(scene.user)
    assert (found.kind, found.server_name) == ("used_after_address_change", scene.server.name)


def test_a_token_found_unreadable_is_odd_once(scene: Scene) -> None:
    db.session.execute(db.update(Token).values(token_encrypted="damaged"))
    db.session.commit()

    for _ in range(2):
        with pytest.raises(TokenUnreadableError):
            scene.use()

    (found,) = oddities_of(scene.user)
    assert (found.kind, found.server_name) == ("unreadable", scene.server.name)


def test_an_event_may_be_odd_in_two_ways(scene: Scene) -> None:
    scene.use()
    scene.wait(days=91)
    db.session.execute(db.update(Token).values(bound_url="https://moved.example.com/mcp"))
    scene.give_address("https://moved.example.com/mcp")
    make_token(scene.user, scene.server, last_used_at=clock.now() - timedelta(days=91))

    scene.use()

    assert sorted(scene.kinds()) == ["used_after_address_change", "used_after_rest"]
    assert len({one.event_id for one in oddities_of(scene.user)}) == 1


def test_it_is_told_with_the_facts_of_its_event(scene: Scene) -> None:
    scene.sign_in()
    scene.sign_in(ELSEWHERE)

    (found,) = oddities_of(scene.user)

    event = db.session.get_one(AuditEvent, found.event_id)
    assert event.action == "sign_in.ok"
    assert found.occurred_at == event.occurred_at == clock.now()
    assert (found.user_id, found.agent) == (scene.user.id, ELSEWHERE.agent)
    assert (found.client_address, found.server_name) == (ELSEWHERE.client_address, None)
    assert oddities_of_all() == [found]


def test_after_fourteen_days_nothing_is_shown_nor_dismissed_and_then_it_goes(scene: Scene) -> None:
    scene.sign_in()
    scene.sign_in(ELSEWHERE)
    (found,) = oddities_of(scene.user)
    scene.wait(days=14)

    assert oddities_of(scene.user) == oddities_of_all() == []
    with pytest.raises(NotThereError):
        dismiss(scene.user, found.kind, found.event_id, ACTOR)
    scene.wait(seconds=(KEPT_FOR - timedelta(days=14)).total_seconds() + 1)
    scene.sign_in(replace(ELSEWHERE, agent="curl"))

    assert list(db.session.scalars(db.select(OddEvent.kind))) == ["new_agent"]


def test_so_many_are_shown_and_no_more_the_newest_first(scene: Scene) -> None:
    bob = make_user("bob@example.com")
    start_session(bob, ACTOR)
    scene.sign_in()
    for number in range(SHOWN + 5):
        scene.wait(minutes=1)
        scene.sign_in(replace(ACTOR, client_address=f"198.51.100.{number}"))
    start_session(bob, ELSEWHERE)

    mine, all_of_them = oddities_of(scene.user), oddities_of_all()

    addresses = [f"198.51.100.{number}" for number in range(SHOWN + 4, 4, -1)]
    assert [one.client_address for one in mine] == addresses
    assert [one.client_address for one in all_of_them] == [ELSEWHERE.client_address, *addresses[:-1]]


def test_it_is_dismissed_by_its_owner_once_with_an_event(scene: Scene) -> None:
    scene.sign_in()
    scene.sign_in(ELSEWHERE)
    (found,) = oddities_of(scene.user)
    bob = make_user("bob@example.com")

    for user, kind, event_id in (
        (bob, found.kind, found.event_id),
        (scene.user, "new_agent", found.event_id),
        (scene.user, "made\0up", found.event_id),
        (scene.user, found.kind, found.event_id - 1),
        (scene.user, found.kind, MAX_ID + 1),
        (scene.user, found.kind, 2**70),
    ):
        with pytest.raises(NotThereError):
            dismiss(user, kind, event_id, ACTOR)
    assert oddities_of(scene.user) == [found]
    dismiss(scene.user, found.kind, found.event_id, ACTOR.signed_in_as(scene.user))

    assert oddities_of(scene.user) == oddities_of_all() == []
    last = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert last.action == "notice.dismissed"
    assert last.details == {"notice": "new_address", "event": found.event_id}
    with pytest.raises(NotThereError):
        dismiss(scene.user, found.kind, found.event_id, ACTOR)


def test_with_a_person_goes_what_was_odd_and_no_event(scene: Scene) -> None:
    make_user("carol@example.com", admin=True)
    scene.sign_in()
    scene.sign_in(ELSEWHERE)
    (found,) = oddities_of_all()

    delete_person(scene.user.id, ACTOR)

    assert oddities_of_all() == []
    assert db.session.scalars(db.select(OddEvent)).all() == []
    assert db.session.get_one(AuditEvent, found.event_id).action == "sign_in.ok"


def test_what_cannot_be_noted_hinders_nobody(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.sign_in()
    db.session.execute(db.text("ALTER TABLE odd_events RENAME TO aside"))
    db.session.commit()

    with caplog.at_level(logging.WARNING):
        scene.sign_in(ELSEWHERE)
    db.session.execute(db.text("ALTER TABLE aside RENAME TO odd_events"))
    db.session.commit()

    assert [one.getMessage() for one in caplog.records] == ["An oddity could not be noted."]
    assert db.session.query(AuditEvent).filter_by(action="sign_in.ok").count() == 2
    assert scene.kinds() == []


def test_the_ledger_verifies_with_what_is_odd_in_it(scene: Scene) -> None:
    scene.sign_in()
    scene.sign_in(ELSEWHERE)
    scene.fail(5)
    assert len(scene.kinds()) == 2

    assert verify_ledger(scene.app.extensions["audit_key"]).fault is None


def test_two_failures_at_once_are_one_row_told_once(app: Flask) -> None:
    with app.app_context():
        make_user()

    def fail() -> None:
        authenticate("ann@example.com", "wrong horse battery", Visitor(ELSEWHERE, is_counted=False))

    for _ in range(2):
        done = at_once(app, *[fail] * 4)
        assert [type(one) for one in done] == [SignInFailedError] * 4

    with app.app_context():
        assert [one.kind for one in oddities_of_all()] == ["failed_sign_ins"]
        assert db.session.query(AuditEvent).filter_by(action="sign_in.failed").count() == 8


def test_it_is_dismissed_by_two_at_once_and_once(app: Flask) -> None:
    with app.app_context():
        user = make_user()
        start_session(user, ACTOR)
        start_session(user, ELSEWHERE)
        (found,) = oddities_of(user)

    done = at_once(app, *[partial(dismiss, user, found.kind, found.event_id, ACTOR)] * 3)

    assert sorted(map(str, map(type, done))) == sorted(map(str, [type(None), NotThereError, NotThereError]))
    with app.app_context():
        assert db.session.query(AuditEvent).filter_by(action="notice.dismissed").count() == 1


def test_a_person_is_deleted_while_something_odd_happens(app: Flask) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)
    for _ in range(6):
        with app.app_context():
            ann = make_user()
            for _ in range(3):
                with pytest.raises(SignInFailedError):
                    authenticate(ann.email, "wrong horse battery", Visitor(ACTOR, is_counted=False))

        fail = partial(authenticate, ann.email, "wrong horse battery", Visitor(ACTOR, is_counted=False))
        *failed, deleted = at_once(app, fail, fail, partial(delete_person, ann.id, ACTOR))

        assert [type(one) for one in failed] == [SignInFailedError] * 2
        assert deleted.tokens == []
        with app.app_context():
            assert db.session.scalars(db.select(OddEvent)).all() == []


def test_the_right_password_is_not_odd(scene: Scene) -> None:
    scene.fail(4)
    authenticate(scene.user.email, PASSWORD, Visitor(ELSEWHERE, is_counted=False))

    assert scene.kinds() == []
