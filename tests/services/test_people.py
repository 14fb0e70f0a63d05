"""People: found by e-mail or name, by state and role, page by page, by two queries for any number."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from app import clock
from app.errors import InvalidInputError
from app.extensions import db
from app.models import Group, GroupMember, User
from app.services import accounts, invitations, people, sessions
from app.services.people import PeopleFilter
from tests.factories import ACTOR, all_users, make_server, make_token, make_user


def emails(**wanted: object) -> list[str]:
    return [row.email for row in people.list_people(PeopleFilter(**wanted)).rows]  # type: ignore[arg-type]


def test_people_are_filtered_by_state_and_role_and_counted(app: Flask) -> None:
    with app.app_context():
        make_user("carol@example.com", admin=True)
        make_user("ann@example.com")
        invitations.invite("eve@example.com", "admin", ACTOR)
        for email in ("dan@example.com", "off@example.com"):
            invitations.invite(email, "auditor", ACTOR)
            accounts.set_active(email, False, ACTOR)

        page = people.list_people(PeopleFilter())

        assert [(row.email, row.state, row.role) for row in page.rows] == [
            ("ann@example.com", "active", "user"),
            ("carol@example.com", "active", "admin"),
            ("dan@example.com", "disabled", "auditor"),
            ("eve@example.com", "invited", "admin"),
            ("off@example.com", "disabled", "auditor"),
        ]
        assert [row.state for row in page.rows] == [user.state for user in all_users()]
        assert page.counts == {
            **{"all": 5, "invited": 1, "active": 2, "disabled": 2},
            **{"user": 1, "auditor": 2, "admin": 2},
        }
        some = people.list_people(PeopleFilter(query="a", state="active", limit=1))
        assert (some.found, some.counts["all"], some.counts["disabled"]) == (2, 5, 2)
        one = people.list_people(PeopleFilter(query="off", state="active"))
        assert (one.found, one.counts["all"], one.counts["disabled"]) == (0, 1, 1)
        assert emails(state="disabled", query="OFF") == ["off@example.com"]
        assert emails(role="admin", state="active") == ["carol@example.com"]
        for field in ("state", "role"):
            with pytest.raises(InvalidInputError, match=field):
                emails(**{field: "root"})


def test_a_search_finds_names_and_takes_its_wildcards_for_themselves(app: Flask) -> None:
    with app.app_context():
        for email, name in {
            "a_b@example.com": "Zoë Quinn",
            "ab@example.com": "박지민",
            "c@example.com": "%",
        }.items():
            make_user(email).display_name = name
        db.session.commit()

        queries = ("a_b", "%", "zoë q", "지민", "\\", "\x00", "A" * 500)
        found = {query: emails(query=query) for query in queries}

        assert found == {
            "a_b": ["a_b@example.com"],
            "%": ["c@example.com"],
            "zoë q": ["a_b@example.com"],
            "지민": ["ab@example.com"],
            **{"\\": [], "\x00": [], "A" * 500: []},
        }


def test_pages_follow_one_another_and_ask_twice_however_many_there_are(app: Flask) -> None:
    with app.app_context():
        server = make_server()
        for number in range(7):
            make_token(make_user(f"person-{number}@example.com"), server, f"a-made-up-token-{number}")
        asked: list[str] = []
        sa.event.listen(db.engine, "before_cursor_execute", lambda *one: asked.append(one[2]))

        seen, after, pages = [], "", 0
        while True:
            page = people.list_people(PeopleFilter(after=after, limit=3))
            seen += [(row.email, row.tokens) for row in page.rows]
            pages += 1
            if page.next is None:
                break
            after = page.next

        assert seen == [(f"person-{number}@example.com", 1) for number in range(7)]
        assert (pages, len(asked)) == (3, 6)


def test_details_are_numbers_states_and_names(app: Flask) -> None:
    with app.app_context():
        user = make_user()
        make_token(user, make_server())
        make_token(user, make_server(), unreadable_at=clock.now())
        sessions.start_session(user, ACTOR)
        sessions.start_session(user, ACTOR)
        db.session.execute(sa.text("UPDATE login_sessions SET expires_at = created_at WHERE id = 1"))
        for name in ("Zebra", "alpha"):
            group = Group(name=name, created_at=clock.now())
            db.session.add(group)
            db.session.flush()
            db.session.add(GroupMember(group_id=group.id, user_id=user.id))
        db.session.commit()

        details = people.details_of(user.id)

        assert (details.tokens, details.sessions) == ({"saved": 1, "unreadable": 1}, 1)
        assert [group.name for group in details.groups] == ["alpha", "Zebra"]
        assert "a1b2" not in repr((details, people.get_person(user.id)))
        assert people.details_of(99).tokens == {}
        assert db.session.query(User).count() == 1
