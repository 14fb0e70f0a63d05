"""Export: whatever is in a catalogue comes back from its own export, here and elsewhere."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.extensions import db
from app.mcp.catalogue import ProposedServer
from app.mcp.egress import Egress
from app.mcp.export_facts import EXPORTED
from app.mcp.remote_auth import MAX_HEADERS
from app.models import AuditEvent, Server
from app.services import servers
from app.services.import_plan import Plan
from app.services.server_export import export_catalogue
from app.services.server_import import Consent, Files, import_catalogue, read_files
from tests.factories import ACTOR, make_server
from tests.services.test_servers_import import real_catalogue, snapshot, take_all

OPEN = Egress(allow=frozenset(), plain_http=True)
#: What is of an installation and not of its catalogue.
ITS_OWN = ("id", "created_at", "updated_at")


def facts() -> list[dict[str, Any]]:
    """Return the catalogue without what another installation has otherwise, by slug."""
    rows = [{name: value for name, value in row.items() if name not in ITS_OWN} for row in snapshot()]
    return sorted(rows, key=lambda row: row["slug"])


def bring(document: Any, **consent: Any) -> Plan:
    """Import the document as it would be after a file."""
    catalogue = read_files(Files((json.loads(json.dumps(document)),)), OPEN)
    return import_catalogue(catalogue, Consent(**consent), ACTOR)


def empty() -> None:
    db.session.execute(db.delete(Server))
    db.session.commit()


def comes_back() -> None:
    """Hold the catalogue to its own export."""
    before, exported = snapshot(), export_catalogue()
    again = bring(exported)
    assert ([one.changes for one in again.servers if one.action != "same"], again.skipped) == ([], ())
    assert (again.unchanged, snapshot()) == (len(before), before)
    wanted = facts()
    empty()
    fresh = bring(exported)
    assert (len(fresh.added), fresh.skipped, fresh.questions) == (len(before), (), ())
    assert facts() == wanted
    assert export_catalogue() == exported


def test_all_real_entries_come_back(app: Flask) -> None:
    with app.app_context():
        take_all(real_catalogue())
        by_hand = ProposedServer("GitHub", "https://api.githubcopilot.com/mcp/", probe_tool="get_me")
        server = servers.add_server(by_hand, egress=OPEN, actor=ACTOR)
        servers.set_enabled(server.id, False, ACTOR)
        servers.set_enabled(servers.find_server("cycloid").id, True, ACTOR)

        comes_back()


def test_it_is_a_list_page_as_the_registry_has_them(app: Flask) -> None:
    with app.app_context():
        take_all(real_catalogue())
        make_server("한국 " * 40, description="")

        exported = export_catalogue()

    assert exported["metadata"] == {"count": len(exported["servers"])}
    for record in exported["servers"]:
        entry = record["server"]
        assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"])
        assert 1 <= len(entry["title"]) <= 100 and 1 <= len(entry["description"]) <= 100
        assert entry["version"] and entry["$schema"].endswith("/2025-12-11/server.schema.json")
        assert len(record["_meta"][EXPORTED]["remotes"]) == len(entry["remotes"])
        for remote in entry["remotes"]:
            assert remote["type"] in {"streamable-http", "sse"}
            assert sum(header.get("isSecret", False) for header in remote["headers"]) == 1


def test_what_the_registry_can_say_is_not_said_twice(app: Flask) -> None:
    with app.app_context():
        plain = ProposedServer("Octo", "https://octo.example/mcp", auth_value_format="App {token}")
        servers.add_server(plain, egress=OPEN, actor=ACTOR)

        [record] = export_catalogue()["servers"]

    assert record["_meta"][EXPORTED]["remotes"] == [{"slug": "octo", "description": ""}]


TEXTS = st.text(max_size=30) | st.sampled_from(["GitHub", "한국", "a <b> {c}", "d" * 300, "a \x00 b", ""])
HEADER_VALUES = st.sampled_from(["1", "a: b", "{x}", "<y>", "a {b} c", "v"])
URLS = st.sampled_from(
    ["https://a.example/mcp", "https://b.example/mcp", "http://127.0.0.1:9/x", "https://a.example/sse?x=1"]
)
PROPOSED = st.builds(
    ProposedServer,
    name=TEXTS.filter(lambda text: any(one.isprintable() and not one.isspace() for one in text[:200])),
    url=URLS,
    registry_name=st.none() | st.sampled_from(["com.a/one", "com.a/One", "com.b/two"]),
    description=TEXTS,
    transport=st.sampled_from(["streamable-http", "sse"]),
    auth_header_name=st.sampled_from(["Authorization", "X-Api-Key", "X-Thing"]),
    auth_value_format=st.sampled_from(
        [
            "Bearer {token}",
            "{token}",
            "App <{token}>",
            "{{token}}",
            "${token}",
            "x{token}{y}",
            "Token={token}",
        ]
    ),
    token_required=st.booleans(),
    extra_headers=st.dictionaries(st.sampled_from(["X-One", "X-Two", "X-Org"]), HEADER_VALUES, max_size=3)
    | st.lists(HEADER_VALUES, min_size=MAX_HEADERS - 1, max_size=MAX_HEADERS).map(
        lambda values: {f"X-{number}": value for number, value in enumerate(values)}
    ),
    token_help=st.none() | TEXTS,
    token_help_url=st.none() | st.just("https://a.example/tokens#new"),
    token_placeholder=st.none() | TEXTS,
    probe_tool=st.none() | st.just("get_me"),
)
STATES = st.tuples(st.booleans(), st.none() | st.just("It wants 2 secrets."), st.booleans())


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(catalogue=st.lists(st.tuples(PROPOSED, STATES), max_size=6))
def test_whatever_is_in_a_catalogue_comes_back(
    app: Flask, catalogue: list[tuple[ProposedServer, tuple[bool, str | None, bool]]]
) -> None:
    with app.app_context():
        empty()
        for new, (is_enabled, reason, for_everyone) in catalogue:
            server = servers.add_server(new, egress=OPEN, actor=ACTOR)
            server.is_enabled, server.disabled_reason, server.for_everyone = is_enabled, reason, for_everyone
        db.session.commit()

        comes_back()


def test_as_many_headers_as_an_admin_can_save_come_back(app: Flask) -> None:
    headers = {f"X-{number}": "1" for number in range(MAX_HEADERS)}
    with app.app_context():
        new = ProposedServer("Octo", "https://octo.example/mcp", extra_headers=headers)
        servers.add_server(new, egress=OPEN, actor=ACTOR)

        comes_back()


def test_an_import_opens_to_nobody_and_enables_nothing_that_an_admin_has_closed(app: Flask) -> None:
    with app.app_context():
        make_server("Octo", slug="octo", registry_name="com.octo/mcp")
        exported = export_catalogue()
        server = servers.find_server("octo")
        server.for_everyone = False
        servers.set_enabled(server.id, False, ACTOR)

        bring(exported)

        [row] = snapshot()
        assert (row["is_enabled"], row["for_everyone"]) == (False, False)


def test_where_the_short_name_is_taken_a_second_import_finds_the_server_nevertheless(app: Flask) -> None:
    with app.app_context():
        make_server("Octo", slug="octo", url="https://octo.example/mcp")
        exported = export_catalogue()
        empty()
        make_server("Another", slug="octo", registry_name="com.octo/mcp")

        first, second = bring(exported), bring(exported)

        assert (first.added, second.added, second.unchanged) == (["Octo"], [], 1)
        assert servers.find_server("octo-2").url == "https://octo.example/mcp"


def test_an_edited_address_in_an_export_moves_the_server(app: Flask) -> None:
    with app.app_context():
        make_server("One", slug="one", url="https://one.example/mcp", registry_name="com.octo/mcp")
        make_server("Two", slug="two", url="https://two.example/mcp", registry_name="com.octo/mcp")
        exported = export_catalogue()
        exported["servers"][0]["server"]["remotes"][1]["url"] = "https://three.example/mcp"

        plan = bring(exported)

        assert [one.changes for one in plan.servers if one.changes] == [
            {"url": ("https://two.example/mcp", "https://three.example/mcp")}
        ]


@pytest.mark.parametrize(
    "facts",
    [
        {"authHeaderName": "Host"},
        {"authHeaderName": "X-A\r\nB: c"},
        {"authValueFormat": "Bearer {token}\r\nX: y"},
        {"authValueFormat": "{token}{token}"},
        {"extraHeaders": {"Authorization": "Bearer of-everyone"}},
        {"extraHeaders": {"X-Api-Key": "1"}},
        {"extraHeaders": {f"X-{number}": "1" for number in range(51)}},
        {"extraHeaders": {"X-A": 1}},
        {"authHeaderName": "X-Two", "extraHeaders": {"x-two": "1"}},
        {"tokenHelpUrl": "javascript:alert(1)"},
        {"probeTool": "a\nb"},
        {"name": "\u202e"},
        {"name": None},
        {"enabled": "yes"},
        {"forEveryone": None},
        {"tokenRequired": 1},
        {"slug": 7},
    ],
)
def test_what_no_admin_could_save_no_export_can_bring(app: Flask, facts: dict[str, Any]) -> None:
    with app.app_context():
        make_server("Octo", slug="octo", registry_name="com.octo/mcp")
        before, exported = snapshot(), export_catalogue()
        exported["servers"][0]["_meta"][EXPORTED]["remotes"][0] |= facts

        plan = bring(exported)

        assert (plan.servers, len(plan.skipped)) == ([], 1)
        assert "of-everyone" not in repr(plan)
        assert snapshot() == before


def publishers(**facts: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an entry that wants two secrets, and a `_meta` that takes it for an export of ours."""
    headers = [{"name": "X-Api-Key", "isSecret": True}, {"name": "X-App-Secret", "isSecret": True}]
    remote = {"type": "streamable-http", "url": "https://a.example/mcp", "headers": headers}
    return {"name": "com.a/mcp", "remotes": [remote]}, {EXPORTED: {"remotes": [{"slug": "a", **facts}]}}


def test_what_an_entry_says_of_itself_is_no_export(app: Flask) -> None:
    entry, meta = publishers(
        enabled=True,
        disabledReason=None,
        probeTool="wipe",
        tokenHelpUrl="https://evil.example/",
        extraHeaders={"X-Org": "evil"},
    )
    with app.app_context():
        for document in (entry | {"_meta": meta}, {"server": entry | {"_meta": meta}}):
            empty()

            bring(document)

            [row] = snapshot()
            assert (row["is_enabled"], row["probe_tool"], row["token_help_url"]) == (False, None, None)
            assert row["extra_headers"] == {}


@pytest.mark.parametrize("reason", [None, "", "Something else."])
def test_no_file_enables_what_its_headers_disable(app: Flask, reason: str | None) -> None:
    entry, meta = publishers(enabled=True, disabledReason=reason, description="ours")
    with app.app_context():
        bring({"servers": [{"server": entry, "_meta": meta}]})

        [row] = snapshot()
        assert (row["description"], row["is_enabled"]) == ("ours", False)
        assert row["disabled_reason"].startswith("It wants 2 secrets")


@pytest.mark.parametrize("slug", ["7", "../x", "A b", "x" * 101, "-x", "한국"])
def test_a_short_name_that_is_none_of_ours_is_left_aside(app: Flask, slug: str) -> None:
    with app.app_context():
        make_server("Octo", slug="octo", registry_name="com.octo/mcp")
        exported = export_catalogue()
        exported["servers"][0]["_meta"][EXPORTED]["remotes"][0]["slug"] = slug
        empty()

        bring(exported)

        assert [row["slug"] for row in snapshot()] == ["octo"]


def test_an_export_holds_what_is_in_the_catalogue_and_nothing_of_people(app: Flask) -> None:
    with app.app_context():
        make_server("Octo", slug="octo")
        [record] = export_catalogue()["servers"]

        assert db.session.scalars(db.select(AuditEvent)).all() == []
        assert record["_meta"][EXPORTED]["remotes"][0].keys() <= {"slug", "description"}


def test_answers_that_look_like_tokens_are_refused_in_silence(app: Flask) -> None:
    with app.app_context(), pytest.raises(InvalidInputError) as caught:
        read_files(Files((), {"tenant": "ghp_" + "a" * 36}), OPEN)

    assert str(caught.value) == "values: secret"
    assert replace(Files(()), values={}) == Files(())
