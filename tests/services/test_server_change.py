"""Changing a server: field by field, with consent to what another address puts on hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.errors import (
    ChangedMeanwhileError,
    InvalidInputError,
    LedgerClosedError,
    NotThereError,
    TokensWouldBeHeldError,
)
from app.extensions import db
from app.mcp.egress import Egress
from app.models import AuditEvent, Server, Token
from app.services import servers
from app.services.actors import Actor
from app.services.server_change import Changed, change_server
from app.services.server_fields import FIELDS
from tests.canary import CANARY
from tests.factories import ACTOR
from tests.ledgers import shut
from tests.services.test_servers import PRODUCTION, add, events, hold_token
from tests.services.test_servers_import import A, proposed, take

NEW = "https://new.example.com/mcp"
#: A value for each field that differs from what a server begins with.
OTHERS: dict[str, Any] = {
    "name": "Other",
    "description": "What it is.",
    "url": NEW,
    "transport": "sse",
    "auth_header_name": "X-Api-Key",
    "auth_value_format": "{token}",
    "token_required": False,
    "extra_headers": {"X-Version": "2"},
    "token_help": "Under Settings.",
    "token_help_url": "https://example.com/tokens",
    "token_placeholder": "ghp_…",
    "probe_tool": "get_me",
}


def change(
    server: Server | int,
    /,
    held_tokens: int | None = None,
    egress: Egress = PRODUCTION,
    seen: Any = None,
    **changes: Any,
) -> Changed:
    server_id = server if isinstance(server, int) else server.id
    return change_server(server_id, changes, held_tokens=held_tokens, egress=egress, actor=ACTOR, seen=seen)


def columns(server_id: int) -> dict[str, Any]:
    """Return the row as the database has it."""
    row = db.session.execute(db.select(Server.__table__).where(Server.id == server_id)).mappings().one()
    return dict(row)


def held_events() -> list[dict[str, Any]]:
    statement = db.select(AuditEvent.details).filter_by(action="server.address_changed")
    return list(db.session.scalars(statement.order_by(AuditEvent.id)))


def test_every_field_can_be_changed_alone_and_the_others_stay(app: Flask) -> None:
    assert OTHERS.keys() == FIELDS
    for name, value in OTHERS.items():
        with app.app_context():
            server = add()
            before = columns(server.id)

            changed = change(server, **{name: value})

            after = columns(server.id)
            derived = {"name_key", "search_text", "updated_at"}
            assert changed == Changed(frozenset({name}), 0)
            assert {one for one in after if after[one] != before[one]} - derived == {name}
            assert after[name] == value
            assert after["updated_at"] > before["updated_at"]
            assert after["slug"] == before["slug"]


def test_a_change_is_in_the_ledger_a_new_address_by_itself(app: Flask) -> None:
    with app.app_context():
        server = add()

        change(server, name="Other")
        change(server, url=NEW)
        change(server, url="https://newer.example.com/mcp", description="both")

        assert events()[1:] == [
            ("server.changed", "ok"),
            ("server.address_changed", "ok"),
            ("server.address_changed", "ok"),
            ("server.changed", "ok"),
        ]
        assert held_events() == [{"held_tokens": 0}] * 2


def test_what_is_the_same_after_reading_is_no_change(app: Flask) -> None:
    with app.app_context():
        server = add(token_help=None, probe_tool="get_me")
        before = columns(server.id)

        changed = change(
            server,
            name="  Example ",
            url=" https://mcp.example.com/mcp\n",
            token_help=" ",
            token_help_url="",
            token_placeholder=None,
            probe_tool=" get_me",
            extra_headers={},
            token_required=True,
        )

        assert changed == Changed(frozenset(), 0)
        assert columns(server.id) == before
        assert events() == [("server.created", "ok")]


def test_what_stays_is_not_judged_by_rules_that_came_later(app: Flask) -> None:
    with app.app_context():
        server = servers.add_server(
            proposed("http://127.0.0.1:8001/mcp"),
            egress=Egress(frozenset(), plain_http=True),
            actor=Actor.of_cli(),
        )

        changed = change(server, url="http://127.0.0.1:8001/mcp", name="Other")

        assert changed.fields == {"name"}


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"name": " \x00\u202e "}, "name", "empty"),
        ({"url": ""}, "url", "empty"),
        ({"url": "http://new.example.com/"}, "url", "plain_http"),
        ({"url": "https://someone:pass@new.example.com/"}, "url", "userinfo"),
        ({"url": "https://good.example\\@bad.example/"}, "url", "characters"),
        ({"url": "https://127.1/"}, "url", "host"),
        ({"url": "https://new.example.com/" + "a" * 2048}, "url", "too_long"),
        ({"url": "https://new.example.com/\x00"}, "url", "characters"),
        ({"url": "javascript:alert(1)"}, "url", "scheme"),
        ({"transport": "stdio"}, "transport", "unknown"),
        ({"auth_header_name": "Cookie"}, "auth_header_name", "reserved_cookie"),
        ({"auth_header_name": "a\r\nb"}, "auth_header_name", "name"),
        ({"auth_value_format": "Bearer"}, "auth_value_format", "format"),
        ({"auth_value_format": "{token}\r\nHost: a"}, "auth_value_format", "characters"),
        ({"extra_headers": {"X-A": "a\r\nHost: b"}}, "extra_headers", "value"),
        ({"extra_headers": {"X-Api-Key": "a"}}, "extra_headers", "secret"),
        ({"extra_headers": {"X-HTTP-Method-Override": "DELETE"}}, "extra_headers", "reserved_request"),
        ({"extra_headers": {"X-Tenant": "ghp_" + "a1B2" * 9}}, "extra_headers", "secret"),
        ({"extra_headers": {"X-A": "a", "x-a": "b"}}, "extra_headers", "twice"),
        ({"extra_headers": {"authorization": "a"}}, "extra_headers", "secret"),
        ({"auth_header_name": "x-version", "extra_headers": {"X-Version": "1"}}, "extra_headers", "secret"),
        ({"token_help_url": "javascript:alert(1)"}, "token_help_url", "link"),
        ({"token_help_url": "https://a@b.example/"}, "token_help_url", "link"),
        ({"probe_tool": "a\nb"}, "probe_tool", "tool_name"),
        ({"probe_tool": "a\u202eb"}, "probe_tool", "tool_name"),
        ({"probe_tool": "\x00"}, "probe_tool", "tool_name"),
        ({"probe_tool": "a" * 201}, "probe_tool", "tool_name"),
    ],
)
def test_what_could_not_be_added_cannot_be_changed_into(
    app: Flask, changes: dict[str, Any], field: str, reason: str
) -> None:
    with app.app_context():
        server = add()
        before = columns(server.id)

        with pytest.raises(InvalidInputError) as caught:
            change(server, **changes, description="not this either")

        assert (caught.value.field, caught.value.reason) == (field, reason)
        assert columns(server.id) == before
        assert events() == [("server.created", "ok")]


def test_a_further_header_that_is_there_cannot_become_the_header_of_the_token(app: Flask) -> None:
    with app.app_context():
        server = add(extra_headers={"X-Version": "1"})

        with pytest.raises(InvalidInputError) as caught:
            change(server, auth_header_name="x-version")

        assert caught.value.field == "extra_headers"
        assert change(server, auth_header_name="X-Other").fields == {"auth_header_name"}


def test_a_server_that_is_not_there_and_a_field_that_is_none(app: Flask) -> None:
    with app.app_context():
        server_id = add().id
        with pytest.raises(NotThereError):
            change(99, name="Other")
        with pytest.raises((KeyError, AttributeError)):
            change(server_id, is_admin=True)


def test_another_address_needs_the_very_number_of_tokens_that_it_holds(app: Flask) -> None:
    with app.app_context():
        server, other = add(), add("Other")
        for email in ("ann@example.com", "ben@example.com"):
            hold_token(server, email)
        hold_token(other, "cho@example.com")
        before = columns(server.id)

        for given in (None, 0, 1, 3):
            with pytest.raises(TokensWouldBeHeldError) as caught:
                change(server, given, url=NEW, name="Other")
            assert caught.value.held_tokens == 2
        assert columns(server.id) == before
        assert held_events() == []

        assert change(server, 2, url=NEW, name="Other") == Changed(frozenset({"url", "name"}), 2)
        assert held_events() == [{"held_tokens": 2}]
        bound = db.session.scalars(db.select(Token.bound_url).order_by(Token.id))
        assert list(bound) == [before["url"]] * 3


def test_tokens_that_are_on_hold_already_are_not_counted_again(app: Flask) -> None:
    with app.app_context():
        server = add()
        hold_token(server, "ann@example.com")
        change(server, 1, url=NEW)
        hold_token(server, "ben@example.com")

        with pytest.raises(TokensWouldBeHeldError) as caught:
            change(server, url="https://newer.example.com/mcp")

        assert caught.value.held_tokens == 1
        # Whoever did not follow goes on where they are, and needs no leave for it.
        with pytest.raises(TokensWouldBeHeldError):
            change(server, url="https://mcp.example.com/mcp")
        assert change(server, 1, url="https://mcp.example.com/mcp").held_tokens == 1


def test_the_smallest_difference_is_another_address(app: Flask) -> None:
    with app.app_context():
        server = add()
        hold_token(server, "ann@example.com")

        for url in (f"{server.url}/", f"{server.url}?a", "https://MCP.example.com/mcp"):
            with pytest.raises(TokensWouldBeHeldError):
                change(server, url=url)


def test_everything_else_changes_without_a_word_about_tokens(app: Flask) -> None:
    with app.app_context():
        server = add()
        hold_token(server, "ann@example.com")
        others = {name: value for name, value in OTHERS.items() if name != "url"}

        assert change(server, **others) == Changed(frozenset(others), 0)


def test_what_somebody_else_changed_meanwhile_is_not_changed_over(app: Flask) -> None:
    with app.app_context():
        server_id = add().id
        seen = columns(server_id)["updated_at"]
        change(server_id, name="Theirs")

        with pytest.raises(ChangedMeanwhileError):
            change(server_id, seen=seen, name="Mine")

        assert columns(server_id)["name"] == "Theirs"
        # Nothing of mine differs: there is nothing to be in doubt about.
        assert change(server_id, seen=seen, name="Theirs").fields == frozenset()
        assert change(server_id, seen=columns(server_id)["updated_at"], name="Mine").fields == {"name"}


def test_without_the_ledger_nothing_is_changed(app: Flask) -> None:
    with app.app_context():
        server_id = add().id
        before = columns(server_id)

        with shut(), pytest.raises(LedgerClosedError):
            change(server_id, name="Other")

        assert columns(server_id) == before


def test_an_import_leaves_the_probe_tool_alone(app: Flask) -> None:
    with app.app_context():
        take(proposed(A))
        server = servers.find_server("a")
        change(server, probe_tool="get_me")

        assert take(proposed(A)).unchanged == 1
        assert columns(server.id)["probe_tool"] == "get_me"


def at_once(app: Flask, *works: Any) -> list[Any]:
    """Do all of it at once, each in a context of its own; return what each returned or raised."""
    barrier = Barrier(len(works))

    def run(work: Any) -> Any:
        with app.app_context():
            barrier.wait()
            try:
                return work()
            except Exception as error:
                return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_two_admins_at_once_lose_nothing(app: Flask) -> None:
    with app.app_context():
        server_id = add().id
    for number in range(10):
        given = {"name": f"Name {number}", "description": f"Text {number}", "token_help": f"Help {number}"}

        done = at_once(app, *(partial(change, server_id, **{name: text}) for name, text in given.items()))

        assert [sorted(one.fields) for one in done] == [[name] for name in given]
        with app.app_context():
            row = columns(server_id)
            assert {name: row[name] for name in given} == given
            assert row["name_key"] == f"name {number}"


def test_of_two_who_saw_the_same_one_is_told(app: Flask) -> None:
    with app.app_context():
        server_id = add().id
    for number in range(10):
        with app.app_context():
            seen = columns(server_id)["updated_at"]

        done = at_once(
            app,
            *(partial(change, server_id, seen=seen, name=f"{who} {number}") for who in ("Ann", "Ben")),
        )

        assert sorted(type(one).__name__ for one in done) == ["Changed", "ChangedMeanwhileError"]
        with app.app_context():
            winner = "Ann" if isinstance(done[0], Changed) else "Ben"
            assert columns(server_id)["name"] == f"{winner} {number}"


def test_of_two_new_addresses_at_once_the_second_has_to_ask_again(app: Flask) -> None:
    with app.app_context():
        server = add()
        hold_token(server, "ann@example.com")
        server_id, seen = server.id, columns(server.id)["updated_at"]

    done = at_once(app, *(partial(change, server_id, 1, seen=seen, url=f"{NEW}/{n}") for n in range(4)))

    assert sorted(type(one).__name__ for one in done) == ["Changed"] + ["ChangedMeanwhileError"] * 3
    with app.app_context():
        assert held_events() == [{"held_tokens": 1}]
        assert columns(server_id)["updated_at"] <= clock.now()


@pytest.mark.parametrize(
    "name", ["url", "transport", "auth_header_name", "auth_value_format", "token_help_url", "probe_tool"]
)
def test_no_refusal_holds_what_was_given(app: Flask, name: str) -> None:
    with app.app_context():
        server_id = add().id

        with pytest.raises(InvalidInputError) as caught:
            change(server_id, **{name: f"\x00{CANARY}\u202e{CANARY}"})

        assert CANARY not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
