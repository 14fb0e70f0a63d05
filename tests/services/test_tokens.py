"""Tokens: saving, replacing and deleting; what the row holds; what the list says."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask

from app import clock
from app.errors import InvalidInputError, KeyNotLoadedError, NotThereError
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services import accounts, tokens
from app.services.actors import Actor
from app.services.keys import Keys, Secrets
from app.services.token_list import Filter, get_row, list_tokens
from app.services.tokens import NewToken
from tests.factories import make_server

ACTOR = Actor(None, "", "192.0.2.1", "Firefox on Linux", "req1")
TOKEN = "tok_" + "Zk3v9Qm7Lw2Xr8Ty5a1b2"
OTHER = "tok_" + "Hn6c4Bd8Sf0Pj2Gu9c3d4"


@dataclass
class Desk:
    """Ann, one server, and the keys."""

    user: User
    server: Server
    keys: Keys

    def save(self, text: str = TOKEN, **more: object) -> tokens.Saved:
        new = NewToken(text, **more)  # type: ignore[arg-type]
        return tokens.save_token(self.user, self.server.id, new, keys=self.keys, actor=ACTOR)

    def row(self) -> Token | None:
        statement = db.select(Token).execution_options(populate_existing=True)
        return db.session.scalars(statement).one_or_none()


@pytest.fixture
def desk(app: Flask) -> object:
    with app.app_context():
        user = accounts.create_account("ann@example.com", "correct horse battery", ACTOR)
        yield Desk(user, make_server(), app.extensions["keys"])


def events() -> list[str]:
    return list(db.session.scalars(db.select(AuditEvent.action).order_by(AuditEvent.id)))


def test_the_row_holds_sealed_text_and_the_hint_and_nothing_of_the_token(desk: Desk) -> None:
    saved = desk.save(f"Bearer {TOKEN}")

    row = desk.row()
    assert row is not None
    assert saved == tokens.Saved(created=True, hint="...a1b2", changed=("scheme",))
    assert row.token_hint == "...a1b2"
    assert row.token_encrypted.startswith("gAAAAA")
    assert row.bound_url == desk.server.url
    assert not any(TOKEN[:8] in str(value) for value in vars(row).values())
    assert TOKEN not in repr(NewToken(TOKEN)) + repr(saved) + repr(row)


def test_saving_twice_replaces_the_first_token_in_the_same_row(desk: Desk) -> None:
    desk.save()
    first = desk.row()
    assert first is not None
    first_id, first_text, created_at = first.id, first.token_encrypted, first.created_at

    saved = desk.save(OTHER)

    row = desk.row()
    assert row is not None
    assert saved.created is False
    assert (row.id, row.created_at, row.revision) == (first_id, created_at, 2)
    assert row.token_encrypted != first_text
    assert row.updated_at > created_at
    assert events()[-2:] == ["token.saved", "token.replaced"]


def test_a_replaced_token_forgets_what_was_known_of_the_old_one(desk: Desk) -> None:
    desk.save(expires_at=clock.now() + timedelta(days=3))
    row = desk.row()
    assert row is not None
    row.last_used_at = row.last_check_at = row.unreadable_at = clock.now()
    row.last_check_result = "rejected"
    db.session.commit()

    desk.save(OTHER)

    row = desk.row()
    assert row is not None
    assert (row.last_used_at, row.last_check_at, row.last_check_result) == (None, None, None)
    assert (row.unreadable_at, row.expires_at) == (None, None)


@pytest.mark.parametrize("text", ["", "********", "...a1b2", "${TOKEN}", "short", "two words"])
def test_a_refused_save_leaves_the_old_token_in_force(desk: Desk, text: str) -> None:
    desk.save()
    before = desk.row().token_encrypted  # type: ignore[union-attr]

    with pytest.raises(InvalidInputError):
        desk.save(text)

    assert desk.row().token_encrypted == before  # type: ignore[union-attr]


def test_an_expiry_in_the_past_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInputError, match="past"):
        desk.save(expires_at=clock.now() - timedelta(seconds=1))

    assert desk.row() is None


def test_nothing_is_saved_under_the_wrong_key(desk: Desk) -> None:
    desk.save()
    before = desk.row().token_encrypted  # type: ignore[union-attr]
    desk.keys = Keys(Secrets(secrets.token_urlsafe(32)))

    with pytest.raises(KeyNotLoadedError):
        desk.save(OTHER)

    assert desk.row().token_encrypted == before  # type: ignore[union-attr]
    assert tokens.delete_token(desk.user, desk.server.id, ACTOR) is True


def test_a_disabled_server_takes_no_token_but_gives_one_up(desk: Desk) -> None:
    desk.save()
    desk.server.is_enabled = False
    db.session.commit()

    with pytest.raises(NotThereError):
        desk.save(OTHER)
    assert get_row(desk.user, desk.server.id).is_enabled is False
    assert tokens.delete_token(desk.user, desk.server.id, ACTOR) is True
    with pytest.raises(NotThereError):
        get_row(desk.user, desk.server.id)


def test_deleting_what_is_not_there_changes_nothing(desk: Desk) -> None:
    before = events()

    assert tokens.delete_token(desk.user, desk.server.id, ACTOR) is False
    with pytest.raises(NotThereError):
        tokens.delete_token(desk.user, 2_000_000_000, ACTOR)
    assert events() == before


def test_saves_at_once_make_one_row_and_one_of_them_created_it(app: Flask, desk: Desk) -> None:
    created: list[bool] = []
    user_id, server_id = desk.user.id, desk.server.id

    def save() -> None:
        with app.app_context():
            user = db.session.get_one(User, user_id)
            saved = tokens.save_token(user, server_id, NewToken(OTHER), keys=desk.keys, actor=ACTOR)
            created.append(saved.created)
            db.session.remove()

    threads = [threading.Thread(target=save) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(created) == [False] * 7 + [True]
    assert db.session.query(Token).count() == 1
    assert events().count("token.replaced") == 7


STATES = {
    "saved": {},
    "unreadable": {"unreadable_at": timedelta(0), "bound_url": "https://old.example/mcp"},
    "on_hold": {"bound_url": "https://old.example/mcp", "expires_at": timedelta(days=-1)},
    "expired": {"expires_at": timedelta(seconds=-1), "last_check_result": "rejected"},
    "rejected": {"last_check_result": "rejected", "expires_at": timedelta(days=1)},
    "expiring": {"expires_at": timedelta(days=13, hours=1), "last_check_result": "accepted"},
    "accepted": {"last_check_result": "accepted", "expires_at": timedelta(days=15)},
}


@pytest.mark.parametrize("status", STATES)
def test_the_status_is_the_first_that_applies_in_list_filter_and_counts(desk: Desk, status: str) -> None:
    desk.save()
    row = desk.row()
    for name, value in STATES[status].items():
        setattr(row, name, clock.now() + value if isinstance(value, timedelta) else value)
    db.session.commit()

    page = list_tokens(desk.user, Filter())

    assert [found.status for found in page.rows] == [status]
    assert page.counts[status] == 1
    assert list_tokens(desk.user, Filter(status=status)).rows == page.rows
    needs_me = list_tokens(desk.user, Filter(status="attention")).rows
    assert bool(needs_me) == (status not in {"saved", "accepted"})
    assert page.rows[0].days_left == (14 if status == "expiring" else None)


def test_a_page_ends_where_the_next_begins_by_name_on_both_databases(desk: Desk) -> None:
    names = ["zebra", "Äpfel", "apple", "Apple 2", "_under", "한국", "100% sure", "apple"]
    for name in names:
        make_server(name=name)
    seen: list[str] = []
    after = ""

    while True:
        page = list_tokens(desk.user, Filter(after=after, limit=2))
        seen += [row.name for row in page.rows]
        if page.next is None:
            break
        after = page.next

    everything = [row.name for row in list_tokens(desk.user, Filter()).rows]
    assert seen == everything
    assert sorted(seen) == sorted([*names, desk.server.name])
    assert page.counts["all"] == len(names) + 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("APPLE", {"apple", "Apple 2"}),
        ("%", {"100% sure"}),
        ("_", {"_under"}),
        ("\\", set()),
        ("äPF", {"Äpfel"}),
    ],
)
def test_a_search_takes_its_text_literally_and_without_case(desk: Desk, query: str, found: set[str]) -> None:
    for name in ["apple", "Apple 2", "_under", "100% sure", "Äpfel"]:
        make_server(name=name)

    assert {row.name for row in list_tokens(desk.user, Filter(query=query)).rows} == found


@pytest.mark.parametrize(
    "after", ["x", "!!", "W10", "WzEsMl0", "WyJhIiwtMV0", "WyJhIiw5OTk5OTk5OTk5OV0", "가"]
)
def test_a_made_up_cursor_is_refused(desk: Desk, after: str) -> None:
    with pytest.raises(InvalidInputError, match="after"):
        list_tokens(desk.user, Filter(after=after))


def test_another_person_sees_nothing_of_my_token(desk: Desk) -> None:
    desk.save()
    other = accounts.create_account("bob@example.com", "correct horse battery", ACTOR)

    row = get_row(other, desk.server.id)

    assert (row.has_token, row.hint, row.status) == (False, None, "none")
    assert tokens.delete_token(other, desk.server.id, ACTOR) is False
    assert desk.row() is not None
