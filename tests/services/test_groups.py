"""Groups: their names, their people, for whom servers are there, and several admins at once."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app.errors import (
    ChangedMeanwhileError,
    InvalidInputError,
    LedgerClosedError,
    NotThereError,
    TokensWouldBeUnavailableError,
)
from app.extensions import db
from app.models import AuditEvent, Group, GroupMember, Server, ServerGroup, User
from app.services import accounts, group_delete, group_list, groups, server_groups, servers
from app.services.group_delete import delete_group
from app.services.server_delete import delete_server
from app.services.server_groups import EVERYONE, Audience, Loss, set_audience
from tests.factories import ACTOR, make_group, make_server, make_token, make_user
from tests.ledgers import shut
from tests.services.test_server_change import at_once


def events() -> list[tuple[Any, ...]]:
    """Return outcome, person, server and details of every event about groups and audiences, in order."""
    statement = (
        db.select(AuditEvent)
        .where(AuditEvent.action.in_(("group.changed", "server.changed")))
        .order_by(AuditEvent.id)
    )
    return [
        (one.outcome, one.subject_user_id, one.server_name, one.details.get("group_name"))
        for one in db.session.scalars(statement)
    ]


def rows() -> tuple[int, int, int]:
    counts = (db.session.scalar(db.select(db.func.count()).select_from(one)) for one in TABLES)
    return tuple(count or 0 for count in counts)  # type: ignore[return-value]


REMOVED = "member_removed"
TABLES = (Group, GroupMember, ServerGroup)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "group_name_empty"),
        (" \n\t ", "group_name_empty"),
        ("a" * 101, "group_name_long"),
        ("a\x00b", "control"),
        ("a\nb", "control"),
        ("a\u202eb", "control"),
        ("a\u200bb", "control"),
        (" oPS ", "group_name_taken"),
        ("\uff2fps", "group_name_taken"),
    ],
)
def test_a_name_is_one_printable_line_that_no_other_group_has(app: Flask, name: str, reason: str) -> None:
    with app.app_context():
        ops, other = make_group("Ops"), make_group("Other")
        for work in (groups.create_group, partial(groups.rename_group, other.id)):
            with pytest.raises(InvalidInputError) as caught:
                work(name, ACTOR)  # type: ignore[operator]
            assert (caught.value.field, caught.value.reason) == ("name", reason)
        assert rows() == (2, 0, 0)
        assert [name for name, *_ in events()] == ["created", "created"]
        # Its own name in another case is no other group's.
        assert groups.rename_group(ops.id, "OPS", ACTOR)


def test_everything_that_happens_to_a_group_is_in_the_ledger_by_its_name_as_it_was(app: Flask) -> None:
    with app.app_context():
        ann, server = make_user(), make_server("GitHub")
        group = groups.create_group("  Design   team ", ACTOR)
        assert groups.add_member(group.id, ann.id, ACTOR)
        assert not groups.add_member(group.id, ann.id, ACTOR)
        assert groups.rename_group(group.id, "Makers", ACTOR)
        assert not groups.rename_group(group.id, "Makers", ACTOR)
        audience = Audience(False, frozenset({group.id}))
        assert set_audience(server.id, audience, ACTOR, unavailable_tokens=None)
        assert not set_audience(server.id, audience, ACTOR, unavailable_tokens=None)
        assert set_audience(server.id, Audience(False), ACTOR, unavailable_tokens=None)
        assert groups.remove_member(group.id, ann.id, ACTOR)
        assert not groups.remove_member(group.id, ann.id, ACTOR)
        groups.add_member(group.id, ann.id, ACTOR)
        assert delete_group(group.id, ACTOR, unavailable_tokens=None) == 1
        assert set_audience(server.id, EVERYONE, ACTOR, unavailable_tokens=None)

        assert events() == [
            ("created", None, None, "Design team"),
            ("member_added", ann.id, None, "Design team"),
            ("renamed", None, None, "Design team"),
            ("for_groups", None, "GitHub", None),
            ("server_added", None, "GitHub", "Makers"),
            ("for_nobody", None, "GitHub", None),
            ("server_removed", None, "GitHub", "Makers"),
            ("member_removed", ann.id, None, "Makers"),
            ("member_added", ann.id, None, "Makers"),
            ("member_removed", ann.id, None, "Makers"),
            ("deleted", None, None, "Makers"),
            ("for_everyone", None, "GitHub", None),
        ]


def test_what_is_not_there_is_said_so(app: Flask) -> None:
    with app.app_context():
        ann, group, server = make_user(), make_group(), make_server()
        for work in (
            partial(groups.rename_group, 99, "Any"),
            partial(delete_group, 99, unavailable_tokens=None),
            partial(groups.add_member, 99, ann.id),
            partial(groups.add_member, group.id, 99),
            partial(groups.remove_member, 99, ann.id),
            partial(groups.remove_member, group.id, 99),
            lambda actor: set_audience(99, Audience(False), actor, unavailable_tokens=None),
        ):
            with pytest.raises(NotThereError):
                work(ACTOR)
        for audience, reason in (
            (Audience(False, frozenset({group.id, 99})), "unknown_group"),
            (Audience(True, frozenset({group.id})), "everyone_or_groups"),
        ):
            with pytest.raises(InvalidInputError) as caught:
                set_audience(server.id, audience, ACTOR, unavailable_tokens=None)
            assert (caught.value.field, caught.value.reason) == ("groups", reason)
        assert rows() == (1, 0, 0)


def test_taking_a_server_away_needs_the_very_number_of_people_who_hold_a_token(app: Flask) -> None:
    with app.app_context():
        server, other = make_server(), make_server("Other")
        people = [make_user(f"{name}@example.com") for name in ("ann", "ben", "cho", "dan")]
        for person in people[:3]:
            make_token(person, server)
        make_token(people[3], other)
        team = make_group("Team", people[:1])
        wanted = Audience(False, frozenset({team.id}))

        for given in (None, 0, 1, 3):
            with pytest.raises(TokensWouldBeUnavailableError) as caught:
                set_audience(server.id, wanted, ACTOR, unavailable_tokens=given)
            assert caught.value.unavailable_tokens == 2
        assert servers.get_server(server.id).for_everyone
        assert rows() == (1, 1, 0)

        assert set_audience(server.id, wanted, ACTOR, unavailable_tokens=2)
        # From whom it was taken already, it is not taken again.
        with pytest.raises(TokensWouldBeUnavailableError) as caught:
            set_audience(server.id, Audience(False), ACTOR, unavailable_tokens=None)
        assert caught.value.unavailable_tokens == 1
        assert set_audience(server.id, EVERYONE, ACTOR, unavailable_tokens=None)


def test_what_a_group_alone_gives_is_counted_before_it_is_deleted(app: Flask) -> None:
    with app.app_context():
        alone, both, everyones = make_server("Alone"), make_server("Both"), make_server("Everyone's")
        people = [make_user(f"{name}@example.com") for name in ("ann", "ben", "cho")]
        for server in (alone, both, everyones):
            make_token(people[0], server)
        team = make_group("Team", people, [alone, both])
        db.session.add(ServerGroup(group_id=team.id, mcp_server_id=everyones.id))
        make_group("Second", people[:2], [both])

        assert server_groups.losses_of_group(team.id) == [
            Loss(alone.id, "Alone", 3, 1),
            Loss(both.id, "Both", 1, 0),
        ]


def test_nothing_is_left_of_a_group_a_person_or_a_server_that_is_gone(app: Flask) -> None:
    with app.app_context():
        ann, ben = make_user(), make_user("ben@example.com")
        one, two = make_server("One"), make_server("Two")
        first, second = make_group("First", [ann, ben], [one]), make_group("Second", [ann], [two])
        db.session.add(ServerGroup(group_id=second.id, mcp_server_id=one.id))
        db.session.commit()
        assert rows() == (2, 3, 3)

        accounts.delete_account(ben.email, ACTOR)
        assert rows() == (2, 2, 3)
        delete_server(two.id, deleted_tokens=None, actor=ACTOR)
        assert rows() == (2, 2, 2)
        delete_group(second.id, ACTOR, unavailable_tokens=None)
        assert rows() == (1, 1, 1)
        delete_group(first.id, ACTOR, unavailable_tokens=None)
        assert rows() == (0, 0, 0)
        # For nobody: a group that goes does not open a server to everyone.
        assert not servers.get_server(one.id).for_everyone
        assert db.session.scalar(db.select(db.func.count()).select_from(User)) == 1


def test_who_deletes_a_group_names_the_tokens_that_are_of_no_use_any_more(app: Flask) -> None:
    with app.app_context():
        ann, ben = make_user(), make_user("ben@example.com")
        alone, shared, plain = (make_server(name) for name in ("Alone", "Shared", "Plain"))
        for person, server in ((ann, alone), (ben, alone), (ann, shared), (ben, shared), (ann, plain)):
            make_token(person, server)
        group, other = make_group("Team", [ann, ben], [alone, shared]), make_group("Other", [ann])
        db.session.add(ServerGroup(group_id=other.id, mcp_server_id=shared.id))
        db.session.commit()
        before = rows(), events()

        # Ann may use the shared one through the other group.
        for number in (None, 0, 2, 4):
            with pytest.raises(TokensWouldBeUnavailableError) as caught:
                delete_group(group.id, ACTOR, unavailable_tokens=number)
            assert caught.value.unavailable_tokens == 3
            assert (rows(), events()) == before
        assert delete_group(group.id, ACTOR, unavailable_tokens=3) == 2

        assert events()[len(before[1]) :] == [
            ("for_nobody", None, "Alone", None),
            ("server_removed", None, "Alone", "Team"),
            ("for_groups", None, "Shared", None),
            ("server_removed", None, "Shared", "Team"),
            (REMOVED, ann.id, None, "Team"),
            (REMOVED, ben.id, None, "Team"),
            ("deleted", None, None, "Team"),
        ]
        assert rows() == (1, 1, 1)


def test_a_group_of_many_is_deleted_some_at_a_time(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_delete, "BATCH_SIZE", 2)
    with app.app_context():
        people = [make_user(f"p{number}@example.com") for number in range(5)]
        commits: list[int] = []
        event.listen(db.session, "after_commit", lambda _session: commits.append(1))
        for size in (4, 5, 0):
            group = make_group(f"Team of {size}", people[:size])
            commits.clear()

            assert delete_group(group.id, ACTOR, unavailable_tokens=None) == size

            assert len(commits) == size // 2 + 1
            removed = [person for what, person, _, name in events() if (what, name) == (REMOVED, group.name)]
            assert removed == [one.id for one in people[:size]]
        assert rows() == (0, 0, 0)


def test_groups_and_their_people_come_by_name_and_page_by_page(app: Flask) -> None:
    with app.app_context():
        people = [make_user(f"p{number}@example.com") for number in range(3)]
        for number in range(3):
            make_group(f"Group {number}", people[: number + 1], [make_server(f"S{number}")])

        first = group_list.list_groups(limit=2)
        second = group_list.list_groups(after=first.next or "", limit=2)

        assert [(row.name, row.people, row.servers) for row in first.rows + second.rows] == [
            ("Group 0", 1, 1),
            ("Group 1", 2, 1),
            ("Group 2", 3, 1),
        ]
        assert second.next is None
        assert [row.name for row in group_list.list_groups(query="P 1").rows] == ["Group 1"]
        assert [row.name for row in group_list.list_groups(query="%").rows] == []
        last = second.rows[0].id
        members = group_list.list_members(last, limit=2)
        assert [one.email for one in members.rows] == ["p0@example.com", "p1@example.com"]
        assert [one.email for one in group_list.list_members(last, after=members.next or "").rows] == [
            "p2@example.com"
        ]
        assert [one.email for one in group_list.list_members(last, "P1@").rows] == ["p1@example.com"]
        assert [one.name for one in group_list.groups_of(people[1].id)] == ["Group 1", "Group 2"]
        assert group_list.find_group(" group  1").id == group_list.find_group(str(first.rows[1].id)).id
        for word in ("Group", "", "\x00", "99", "9" * 20, "0" * 11 + "9" * 20, "²"):
            with pytest.raises(NotThereError):
                group_list.find_group(word)


def test_without_the_ledger_nothing_is_changed(app: Flask) -> None:
    with app.app_context():
        ann, server = make_user(), make_server()
        group = make_group("Team", [ann], [server])
        works = (
            partial(groups.create_group, "Other"),
            partial(groups.rename_group, group.id, "Other"),
            partial(groups.remove_member, group.id, ann.id),
            partial(delete_group, group.id, unavailable_tokens=None),
            partial(set_audience, server.id, EVERYONE, unavailable_tokens=None),
        )
        for work in works:
            with shut(), pytest.raises(LedgerClosedError):
                work(actor=ACTOR)  # type: ignore[operator]
            assert rows() == (1, 1, 1)
        assert group_list.get_group(group.id).name == "Team"


def test_who_did_not_see_what_another_admin_did_is_told(app: Flask) -> None:
    with app.app_context():
        group, server = make_group("Team"), make_server()
        seen = server.updated_at
        groups.rename_group(group.id, "Theirs", ACTOR)
        set_audience(server.id, Audience(False), ACTOR, unavailable_tokens=None)

        with pytest.raises(ChangedMeanwhileError):
            groups.rename_group(group.id, "Mine", ACTOR, seen="Team")
        with pytest.raises(ChangedMeanwhileError):
            set_audience(server.id, EVERYONE, ACTOR, unavailable_tokens=None, seen=seen)

        # Nothing of mine differs: there is nothing to be in doubt about.
        assert not groups.rename_group(group.id, "Theirs", ACTOR, seen="Team")
        assert not set_audience(server.id, Audience(False), ACTOR, unavailable_tokens=None, seen=seen)
        assert group_list.get_group(group.id).name == "Theirs"


def test_of_two_admins_at_once_one_is_told(app: Flask) -> None:
    with app.app_context():
        group, server = make_group("Team"), make_server()
        audiences = [Audience(False), Audience(False, frozenset({group.id}))]
    for number in range(5):
        with app.app_context():
            db.session.execute(db.update(Server).values(for_everyone=True))
            db.session.execute(db.delete(ServerGroup))
            db.session.commit()
            seen = db.session.scalars(db.select(Server.updated_at)).one()

        created = at_once(app, *[partial(groups.create_group, f"New {number}", ACTOR)] * 2)
        changed = at_once(
            app,
            *(
                partial(set_audience, server.id, one, ACTOR, unavailable_tokens=None, seen=seen)
                for one in audiences
            ),
        )

        assert sorted(type(one).__name__ for one in created) == ["Group", "InvalidInputError"]
        assert sorted(type(one).__name__ for one in changed) == ["ChangedMeanwhileError", "bool"]


def test_admins_who_do_everything_at_once_wait_for_each_other_and_never_in_a_circle(app: Flask) -> None:
    with app.app_context():
        people = [make_user(f"p{number}@example.com") for number in range(4)]
    for number in range(6):
        with app.app_context():
            server = make_server(f"S{number}")
            one, two = (make_group(f"{word} {number}", people, [server]) for word in ("One", "Two"))
            both = Audience(False, frozenset({one.id, two.id}))

        done = at_once(
            app,
            partial(delete_group, one.id, ACTOR, unavailable_tokens=None),
            partial(set_audience, server.id, both, ACTOR, unavailable_tokens=None),
            partial(set_audience, server.id, Audience(False), ACTOR, unavailable_tokens=None),
            partial(groups.remove_member, two.id, people[0].id, ACTOR),
            partial(groups.add_member, one.id, people[1].id, ACTOR),
            partial(groups.rename_group, two.id, f"Three {number}", ACTOR),
        )

        allowed = (int, NotThereError, InvalidInputError)
        assert [repr(result) for result in done if not isinstance(result, allowed)] == []
        with app.app_context():
            left = db.session.scalars(db.select(ServerGroup.group_id).distinct()).all()
            assert one.id not in left
