"""Servers: adding, enabling and deleting entries of the catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app import clock
from app.errors import InvalidInputError, NotThereError
from app.extensions import db
from app.mcp.catalogue import ProposedServer
from app.mcp.egress import Egress
from app.models import AuditEvent, Server, Token, User
from app.services import servers
from app.services.actors import Actor
from app.services.server_change import change_server

PRODUCTION = Egress(allow=frozenset(), plain_http=False)


def add(name: str = "Example", url: str = "https://mcp.example.com/mcp", **facts: Any) -> Server:
    return servers.add_server(ProposedServer(name, url, **facts), egress=PRODUCTION, actor=Actor.of_cli())


def hold_token(server: Server, email: str) -> None:
    now = clock.now()
    user = User(email=email, display_name="A", password_hash="-", created_at=now)
    db.session.add(user)
    db.session.flush()
    db.session.add(
        Token(
            user_id=user.id,
            mcp_server_id=server.id,
            token_encrypted="sealed",
            key_id="key",
            bound_url=server.url,
            created_at=now,
            updated_at=now,
        )
    )
    db.session.commit()


def events() -> list[tuple[str, str]]:
    found = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id))
    return [(event.action, event.outcome) for event in found]


def test_an_added_server_can_be_used_at_once_and_is_in_the_ledger(app: Flask) -> None:
    with app.app_context():
        server = add()

        assert (server.slug, server.is_enabled, server.registry_name) == ("example", True, None)
        assert (server.auth_header_name, server.auth_value_format) == ("Authorization", "Bearer {token}")
        assert server.created_at == server.updated_at
        assert events() == [("server.created", "ok")]


def test_what_lists_sort_and_search_by_follows_every_change(app: Flask) -> None:
    with app.app_context():
        server = add("\uff33traße")
        assert server.name_key == "strasse"
        assert server.search_text == "strasse strasse mcp.example.com"

        server.name, server.url = "Éa", "https://other.example:8443/mcp"
        db.session.commit()

        assert server.name_key == "éa"
        assert server.search_text == "éa strasse other.example:8443"


def test_a_name_that_grows_when_it_is_folded_still_fits(app: Flask) -> None:
    with app.app_context():
        # One letter that becomes eighteen.
        server = add("\ufdfa" * 200)

        assert len(server.name_key) == 400


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Hugging Face · login", "hugging-face-login"),
        ("Crème Brûlée!", "creme-brulee"),
        ("한국어", "mcp-example-com"),
        ("365", "server-365"),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_slug_is_made_of_the_name_or_else_of_the_host(app: Flask, name: str, slug: str) -> None:
    with app.app_context():
        assert add(name).slug == slug


def test_servers_of_one_name_get_different_slugs(app: Flask) -> None:
    with app.app_context():
        assert [add("A_b").slug for _ in range(3)] == ["a-b", "a-b-2", "a-b-3"]


def test_a_slug_taken_in_between_is_no_error(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        add()
        answers = iter(["example", "example-2"])
        # What another process would have seen before the first server was committed.
        monkeypatch.setattr(servers, "free_slug", lambda name, host: next(answers))

        assert add().slug == "example-2"
        assert events() == [("server.created", "ok")] * 2


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": " \x00 "}, "name"),
        ({"url": "http://mcp.example.com"}, "url"),
        ({"transport": "stdio"}, "transport"),
        ({"auth_header_name": "Cookie"}, "auth_header_name"),
        ({"auth_header_name": "a\r\nb"}, "auth_header_name"),
        ({"auth_value_format": "Bearer"}, "auth_value_format"),
        ({"auth_value_format": "{token}{token}"}, "auth_value_format"),
        ({"auth_value_format": "a\n{token}"}, "auth_value_format"),
        ({"auth_value_format": "ghp_" + "Hn6c4Bd8Sf0Pj2Gu9c3d4 {token}"}, "auth_value_format"),
        ({"extra_headers": {"X-Api-Key": "a"}}, "extra_headers"),
        ({"extra_headers": {"X-A": "a\x00"}}, "extra_headers"),
        ({"extra_headers": {"X-A": "é"}}, "extra_headers"),
        ({"extra_headers": {"Host": "a"}}, "extra_headers"),
        ({"extra_headers": {"authorization": "a"}}, "extra_headers"),
        ({"token_help_url": "javascript:alert(1)"}, "token_help_url"),
    ],
)
def test_what_could_not_be_sent_safely_is_refused(app: Flask, facts: dict[str, Any], field: str) -> None:
    with app.app_context():
        with pytest.raises(InvalidInputError) as caught:
            add(**facts)

        assert caught.value.field == field
        assert servers.list_servers() == []


def test_texts_are_cleaned(app: Flask) -> None:
    with app.app_context():
        server = add(" A\x00\n b ", description="d\x1b", token_help=" ", token_placeholder="p" * 300)

        assert (server.name, server.description, server.token_help) == ("A b", "d", None)
        assert server.token_placeholder == "p" * 200


def test_servers_are_listed_by_name(app: Flask) -> None:
    with app.app_context():
        for name in ("b", "A", "Ä", "B"):
            add(name)

        assert [server.name for server in servers.list_servers()] == ["A", "b", "B", "Ä"]


def test_a_server_is_found_by_slug_and_by_id(app: Flask) -> None:
    with app.app_context():
        server = add()

        assert servers.find_server("example") is server
        assert servers.find_server(str(server.id)) is server


@pytest.mark.parametrize("word", ["", "other", "0", "99", "9" * 400, str(2**31), "-1", "٣", "1 ", "\x00"])
def test_what_is_no_servers_slug_or_id_is_not_there(app: Flask, word: str) -> None:
    with app.app_context():
        add()

        with pytest.raises(NotThereError):
            servers.find_server(word)


def test_disabling_and_enabling_are_recorded_once_and_keep_tokens(app: Flask) -> None:
    with app.app_context():
        server = add()
        hold_token(server, "ann@example.com")

        answers = [
            servers.set_enabled(server.id, enabled, Actor.of_cli()) for enabled in (False, False, True)
        ]

        assert answers == [True, False, True]
        assert server.is_enabled
        assert servers.count_tokens(server) == 1
        assert events()[1:] == [("server.changed", "disabled"), ("server.changed", "enabled")]


def test_disabling_what_an_import_disabled_makes_it_an_admins_word_and_is_recorded(app: Flask) -> None:
    with app.app_context():
        first, second = (add(disabled_reason="It wants two secrets.") for _ in range(2))
        before = first.updated_at

        answers = [servers.set_enabled(first.id, False, Actor.of_cli()) for _ in range(2)]
        changes = [
            change_server(
                second.id, {"is_enabled": False}, held_tokens=None, egress=PRODUCTION, actor=Actor.of_cli()
            ).fields
            for _ in range(2)
        ]

        assert (first.disabled_reason, second.disabled_reason) == (None, None)
        assert first.updated_at > before
        assert (answers, changes) == ([True, False], [{"is_enabled"}, set()])
        assert events()[2:] == [("server.changed", "disabled")] * 2


def test_a_server_may_be_added_for_nobody_yet(app: Flask) -> None:
    with app.app_context():
        proposed = ProposedServer("Example", "https://mcp.example.com/mcp")

        server = servers.add_server(proposed, egress=PRODUCTION, actor=Actor.of_cli(), is_enabled=False)

        assert not server.is_enabled
        assert events() == [("server.created", "ok"), ("server.changed", "disabled")]


def test_a_server_that_is_not_there_can_be_neither_enabled_nor_disabled(app: Flask) -> None:
    with app.app_context():
        for enabled in (True, False):
            with pytest.raises(NotThereError):
                servers.set_enabled(1, enabled, Actor.of_cli())
