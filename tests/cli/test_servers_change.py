"""`flask servers change`: what it says beforehand, what it changes, and how it exits."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner

from app.extensions import db
from app.models import AuditEvent, Server
from app.services import server_change
from tests.cli.test_servers import ADD, only_server
from tests.services.test_servers import hold_token

NEW = "https://new.example.com/mcp"


@pytest.fixture
def example(app: Flask, runner: FlaskCliRunner) -> None:
    """Add a server for which two people hold tokens."""
    runner.invoke(args=ADD)
    with app.app_context():
        server = db.session.scalars(db.select(Server)).one()
        for name in ("ann", "ben"):
            hold_token(server, f"{name}@example.com")


def change(runner: FlaskCliRunner, *options: str, server: str = "example", answers: str = "") -> Result:
    return runner.invoke(args=["servers", "change", server, *options], input=answers)


def addresses_changed(app: Flask) -> list[dict[str, Any]]:
    with app.app_context():
        statement = db.select(AuditEvent.details).filter_by(action="server.address_changed")
        return list(db.session.scalars(statement))


@pytest.mark.usefixtures("example")
def test_what_is_given_changes_and_nothing_else(app: Flask, runner: FlaskCliRunner) -> None:
    result = change(
        runner,
        *("--name", "Other", "--description", "What it is.", "--header", "X-Auth", "--format", "App {token}"),
        *("--transport", "sse", "--token-optional", "--probe-tool", "get_me", "--placeholder", "ghp_…"),
        *("--help-url", "https://example.com/tokens", "--help-text", "Under Settings."),
    )

    assert result.exit_code == 0
    assert result.output.startswith(
        "Changed example: auth_header_name, auth_value_format, description, name,"
    )
    server = only_server(app)
    assert (server.name, server.slug, server.url) == ("Other", "example", "https://mcp.example.com/mcp")
    assert (server.auth_header_name, server.auth_value_format) == ("X-Auth", "App {token}")
    assert (server.transport, server.token_required, server.probe_tool) == ("sse", False, "get_me")
    assert (server.token_help, server.token_placeholder) == ("Under Settings.", "ghp_…")

    assert change(runner, "--token-required", "--probe-tool", "").exit_code == 0
    assert (only_server(app).token_required, only_server(app).probe_tool) == (True, None)


@pytest.mark.usefixtures("example")
def test_another_address_says_whose_tokens_it_holds_and_asks(app: Flask, runner: FlaskCliRunner) -> None:
    refused = change(runner, "--url", NEW, "--name", "Other", answers="n\n")

    assert refused.exit_code == 1
    assert "This puts the tokens of 2 people on hold until confirmed. Go on?" in refused.output
    assert only_server(app).name == "Example"
    assert addresses_changed(app) == []

    done = change(runner, "--url", NEW, answers="y\n")

    assert done.exit_code == 0
    assert "Changed example: url.\nOn hold until confirmed: the tokens of 2 people.\n" in done.output
    assert only_server(app).url == NEW
    assert addresses_changed(app) == [{"held_tokens": 2}]


@pytest.mark.usefixtures("example")
def test_it_can_be_told_not_to_ask(app: Flask, runner: FlaskCliRunner) -> None:
    result = change(runner, "--url", NEW, "--yes")

    assert (result.exit_code, only_server(app).url) == (0, NEW)
    assert result.output == "Changed example: url.\nOn hold until confirmed: the tokens of 2 people.\n"


@pytest.mark.usefixtures("example")
def test_a_number_that_changes_while_it_waits_is_asked_about_again(
    app: Flask, runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = server_change.count_bound_tokens
    surplus = iter((1, 0, 0))
    # What it would have seen before somebody deleted their token.
    monkeypatch.setattr(
        server_change, "count_bound_tokens", lambda server, url: count(server, url) + next(surplus)
    )

    result = change(runner, "--url", NEW, answers="y\ny\n")

    assert result.exit_code == 0
    assert "3 people" in result.output.splitlines()[0]
    assert "2 people" in result.output.splitlines()[1]


def test_an_address_that_holds_nobody_needs_no_question(app: Flask, runner: FlaskCliRunner) -> None:
    runner.invoke(args=ADD)

    result = change(runner, "--url", NEW)

    assert (result.exit_code, result.output) == (0, "Changed example: url.\n")
    assert addresses_changed(app) == [{"held_tokens": 0}]


@pytest.mark.usefixtures("example")
def test_what_is_so_already_is_said(app: Flask, runner: FlaskCliRunner) -> None:
    result = change(runner, "--name", "Example", "--token-required")

    assert (result.exit_code, result.output) == (0, "Nothing was changed.\n")


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Say what to change."),
        (("--yes",), "Say what to change."),
        (("--name", ""), "Not changed: the name is empty."),
        (("--url", "https://someone:secret@example.com"), "Not changed: the address has a user name"),
        (
            ("--header", "Host"),
            "Not changed: that header may not carry a token: it names the website that is asked.",
        ),
        (("--format", "x"), "Not changed: the format needs exactly one {token}."),
        (("--probe-tool", "secret\n2"), "Not changed: a tool's name is one line of at most 200 characters."),
        (("--help-url", "ftp://secret"), "Not changed: the link is not an http(s) address."),
        (("--transport", "stdio"), "Invalid value for '--transport'"),
    ],
)
def test_what_cannot_be_is_a_usage_error_that_says_why(
    app: Flask, runner: FlaskCliRunner, options: tuple[str, ...], sentence: str
) -> None:
    result = change(runner, *options)

    assert result.exit_code == 2
    assert sentence in result.output
    assert "secret" not in result.output
    assert only_server(app).updated_at == only_server(app).created_at


def test_a_server_that_is_not_there_fails(runner: FlaskCliRunner) -> None:
    result = change(runner, "--name", "x", server="nothing")

    assert result.exit_code == 1
    assert "There is no server with this slug or id." in result.output


def test_a_probe_tool_can_be_given_when_adding(app: Flask, runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=[*ADD, "--probe-tool", "a\nb"]).exit_code == 2
    assert runner.invoke(args=[*ADD, "--probe-tool", "get_me"]).exit_code == 0
    assert only_server(app).probe_tool == "get_me"


@pytest.mark.usefixtures("example")
def test_further_headers_take_the_place_of_all_and_an_empty_one_takes_them_away(
    app: Flask, runner: FlaskCliRunner
) -> None:
    change(runner, "--extra-header", "X-Old: 1")

    said = change(runner, "--extra-header", "X-A: 1", "--extra-header", "X-B: 2").output
    after = only_server(app).extra_headers
    untouched = change(runner, "--name", "Other")

    assert said == "Changed example: extra_headers.\n"
    assert (after, only_server(app).extra_headers) == ({"X-A": "1", "X-B": "2"},) * 2
    assert untouched.output == "Changed example: name.\n"
    assert change(runner, "--extra-header", "").exit_code == 0
    assert only_server(app).extra_headers == {}
