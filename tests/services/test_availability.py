"""Availability: for whom a server is there, also while somebody takes it away, and what asking costs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app import clock
from app.errors import InvalidInputError, NotThereError
from app.extensions import db
from app.models import AuditEvent, GroupMember, Server, ServerGroup, User
from app.services import ending_tokens, expiry, groups, playground, server_groups, servers, sessions, tokens
from app.services.availability import hold_server_for, server_for
from app.services.group_delete import delete_group
from app.services.server_groups import Audience, set_audience
from app.services.sign_in import Visitor
from app.services.token_list import Filter, get_row, list_all_held, list_tokens
from app.services.tokens import NewToken
from app.services.uses import Door, Typed, begin_use
from tests.factories import ACTOR, PASSWORD, make_group, make_server, make_token, make_user
from tests.services.test_server_change import at_once

#: How long something is watched that has to wait: shorter than the five seconds it would wait for a lock.
A_WHILE = 0.3


@dataclass
class Team:
    """Ann, the one group she is in, a server that is there for it alone, and the door."""

    app: Flask
    ann: User
    group_id: int
    server: Server
    door: Door

    def use(self, typed: str | None = None) -> Any:
        given = Typed(typed) if typed else None
        return begin_use(self.ann, self.server.id, given, "call_tool", self.door)

    def give_back(self) -> None:
        """Let everything be as it was."""
        if db.session.get(GroupMember, (self.group_id, self.ann.id)) is None:
            groups.add_member(self.group_id, self.ann.id, ACTOR)
        servers.set_enabled(self.server.id, True, ACTOR)
        audience = Audience(False, frozenset({self.group_id}))
        set_audience(self.server.id, audience, ACTOR, unavailable_tokens=None)

    def takers(self) -> list[Callable[[], Any]]:
        """Return the ways in which a server is taken away from Ann; the last cannot be given back."""
        return [
            partial(groups.remove_member, self.group_id, self.ann.id, ACTOR),
            partial(set_audience, self.server.id, Audience(False), ACTOR, unavailable_tokens=1),
            partial(servers.set_enabled, self.server.id, False, ACTOR),
            partial(delete_group, self.group_id, ACTOR, unavailable_tokens=1),
        ]


@pytest.fixture
def team(app: Flask) -> Iterator[Team]:
    with app.app_context():
        ann, server = make_user(), make_server("Team's")
        make_token(ann, server)
        group = make_group("Team", [ann], [server])
        parts = (app.extensions[name] for name in ("keys", "egress"))
        yield Team(app, ann, group.id, server, Door(*parts, ACTOR, app.extensions["call_slots"]))


def in_a_thread(app: Flask, work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    done: list[Any] = []

    def run() -> None:
        done.extend(at_once(app, work))

    thread = threading.Thread(target=run)
    thread.start()
    return thread, done


def test_a_server_is_there_for_everyone_or_through_a_group_or_for_nobody(team: Team) -> None:
    ben = make_user("ben@example.com")
    everyones = make_server("Everyone's")

    assert server_for(team.ann.id, team.server.id).name == "Team's"
    for person in (team.ann, ben):
        assert server_for(person.id, everyones.id).name == "Everyone's"
    for refused in (server_for, hold_server_for):
        with pytest.raises(NotThereError):
            refused(ben.id, team.server.id)
        db.session.rollback()
    make_group("Other", [ben])
    with pytest.raises(NotThereError):
        server_for(ben.id, team.server.id)
    delete_group(team.group_id, ACTOR, unavailable_tokens=1)
    for person in (team.ann, ben):
        with pytest.raises(NotThereError):
            server_for(person.id, team.server.id)


def test_whatever_takes_it_away_no_service_knows_it_any_more(team: Team) -> None:
    keys, visitor = team.door.keys, Visitor(ACTOR)
    sessions.start_session(team.ann, ACTOR)
    works: list[Callable[[], Any]] = [
        team.use,
        partial(team.use, "a-token-of-mine"),
        partial(tokens.save_token, team.ann, team.server.id, NewToken("a-token"), keys=keys, actor=ACTOR),
        partial(tokens.save_checked_token, team.ann, team.server.id, NewToken("a-token"), door=team.door),
        partial(playground.list_tools, team.ann, team.server.id, None, door=team.door),
        partial(expiry.set_expiry, team.ann, team.server.id, None, ACTOR),
    ]
    assert team.use().token_source == "saved"
    for place, take in enumerate(team.takers()):
        take()

        # A disabled server's token may still be given a date.
        for work in works[: -1 if place == 2 else None]:
            with pytest.raises(NotThereError):
                work()
        row = get_row(team.ann, team.server.id)
        assert (row.has_token, row.is_usable, row.is_available) == (True, False, place == 2)
        assert [one.server_id for one in list_all_held(team.ann)] == [team.server.id]
        if place < 3:
            team.give_back()
            assert team.use().token_source == "saved"

    assert tokens.delete_all_tokens(team.ann, PASSWORD, visitor) == 1
    with pytest.raises(NotThereError):
        get_row(team.ann, team.server.id)
    with pytest.raises(NotThereError):
        tokens.delete_token(team.ann, team.server.id, ACTOR)


def test_whoever_takes_it_away_waits_for_a_use_that_was_begun(team: Team) -> None:
    for place, take in enumerate(team.takers()):
        hold_server_for(team.ann.id, team.server.id)

        thread, done = in_a_thread(team.app, take)
        thread.join(A_WHILE)
        assert thread.is_alive(), f"way {place} did not wait"
        db.session.commit()
        thread.join(5)

        assert done in ([True], [1])
        with pytest.raises(NotThereError):
            team.use()
        if place < 3:
            team.give_back()


def test_a_use_waits_for_whoever_has_begun_to_take_it_away_and_is_then_refused(team: Team) -> None:
    member = db.delete(GroupMember).where(GroupMember.group_id == team.group_id)
    for statement in (db.update(Server).values(is_enabled=False), member):
        db.session.execute(statement)

        thread, done = in_a_thread(team.app, partial(team.use, "a-token-of-mine"))
        thread.join(A_WHILE)
        assert thread.is_alive()
        db.session.commit()
        thread.join(5)

        assert [type(one) for one in done] == [NotThereError]
        servers.set_enabled(team.server.id, True, ACTOR)


def test_under_way_no_token_leaves_after_it_was_taken_away(team: Team) -> None:
    """Of each person's events there is one order: between a removal and the next addition stands no use."""

    def use_all_the_time() -> int:
        used = 0
        for _ in range(25):
            try:
                team.use()
                used += 1
            except NotThereError:
                pass
        return used

    def take_and_give() -> int:
        for _ in range(8):
            groups.remove_member(team.group_id, team.ann.id, ACTOR)
            groups.add_member(team.group_id, team.ann.id, ACTOR)
        return 0

    done = at_once(team.app, use_all_the_time, use_all_the_time, take_and_give)

    assert [one for one in done if not isinstance(one, int)] == []
    statement = db.select(AuditEvent).where(AuditEvent.subject_user_id == team.ann.id)
    is_in, used = True, 0
    for one in db.session.scalars(statement.order_by(AuditEvent.place)):
        if one.action == "group.changed":
            is_in = one.outcome == "member_added"
        elif one.action == "token.used":
            assert is_in, "a token left after its server had been taken away"
            used += 1
    assert used == sum(done)


def test_the_end_of_a_call_is_recorded_though_the_server_was_taken_away_meanwhile(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_: Any, **_more: Any) -> list[Any]:
        groups.remove_member(team.group_id, team.ann.id, ACTOR)
        return []

    monkeypatch.setattr("app.mcp.client.list_tools", answer)

    assert playground.list_tools(team.ann, team.server.id, None, door=team.door).tools == []

    actions = db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id.desc()).limit(3)).all()
    assert actions == ["token.use_ended", "group.changed", "token.used"]
    with pytest.raises(NotThereError):
        playground.list_tools(team.ann, team.server.id, None, door=team.door)


def test_nobody_is_reminded_of_what_they_cannot_replace_nor_told_of_twins_there(team: Team) -> None:
    other = make_server("Other")
    soon = clock.now() + timedelta(days=3)
    expiry.set_expiry(team.ann, team.server.id, soon, ACTOR)
    new = NewToken("made-up-but-the-same-twice")
    for server in (team.server, other):
        saved = tokens.save_token(team.ann, server.id, new, keys=team.door.keys, actor=ACTOR)
    assert saved.also_saved_for == ("Team's",)
    expiry.set_expiry(team.ann, team.server.id, soon, ACTOR)
    assert [one.server for one in ending_tokens.list_ending_tokens()] == ["Team's"]

    groups.remove_member(team.group_id, team.ann.id, ACTOR)

    assert ending_tokens.list_ending_tokens() == []
    saved = tokens.save_token(team.ann, other.id, new, keys=team.door.keys, actor=ACTOR)
    assert saved.also_saved_for == ()


def test_a_bad_paste_leaves_nothing_locked(team: Team) -> None:
    with pytest.raises(InvalidInputError):
        team.use("****")

    thread, done = in_a_thread(team.app, partial(groups.remove_member, team.group_id, team.ann.id, ACTOR))
    thread.join(5)
    assert done == [True]


def test_a_thousand_servers_and_fifty_groups_cost_no_query_more(team: Team) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    def cost(work: Callable[[], Any]) -> int:
        statements.clear()
        work()
        return len(statements)

    works: list[Callable[[], Any]] = [
        lambda: list_tokens(team.ann, Filter()),
        lambda: list_tokens(team.ann, Filter(query="server", status="none", only_usable=True)),
        lambda: get_row(team.ann, team.server.id),
        lambda: server_groups.losses_of_group(team.group_id),
    ]
    before = [cost(work) for work in works]
    now = clock.now()
    many = [make_group(f"Group {number:02}", [team.ann] if number % 2 else []).id for number in range(50)]
    first = team.server.id + 1
    row = {"url": "https://many.example.com/mcp", "created_at": now, "updated_at": now, "extra_headers": {}}
    db.session.execute(
        db.insert(Server),
        [
            row
            | {"id": first + number, "slug": f"many-{number}", "name": f"Server {number:04}"}
            | {"name_key": f"server {number:04}", "search_text": f"server {number:04}"}
            | {"for_everyone": number % 4 == 0}
            for number in range(1000)
        ],
    )
    db.session.execute(
        db.insert(ServerGroup),
        [{"mcp_server_id": first + number, "group_id": many[number % 50]} for number in range(1000)],
    )
    db.session.commit()

    assert [cost(work) for work in works] == before == [2, 2, 1, 1]
    # A quarter is everyone's; of the rest, those that are Ann's through a group of an odd number; and hers.
    mine = sum(number % 4 == 0 or number % 2 == 1 for number in range(1000)) + 1
    assert list_tokens(team.ann, Filter()).counts["all"] == mine
    assert list_tokens(team.ann, Filter(query="server", status="none", only_usable=True)).found == mine - 1
