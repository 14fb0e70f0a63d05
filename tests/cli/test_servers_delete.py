"""`flask servers delete|show|try`: what they say beforehand, what they do, and how they exit."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from app.cli import server_change
from app.extensions import db
from app.models import Server, Token
from app.services.server_delete import Owners
from tests.cli.test_servers import ADD
from tests.mcp_servers import good
from tests.mcp_servers.running import running
from tests.services.test_servers import hold_token


@pytest.fixture
def example(app: Flask, runner: FlaskCliRunner) -> None:
    """Add a server for which two people hold tokens."""
    runner.invoke(args=ADD)
    with app.app_context():
        server = db.session.scalars(db.select(Server)).one()
        for name in ("ann", "ben"):
            hold_token(server, f"{name}@example.com")


def left(app: Flask) -> tuple[int | None, int | None]:
    with app.app_context():
        return tuple(  # type: ignore[return-value]
            db.session.scalar(db.select(db.func.count(model.id))) for model in (Server, Token)
        )


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize("typed", ["", "y", "yes", "Example", "EXAMPLE", "exampl", "1"])
def test_deleting_says_whose_tokens_go_and_wants_the_name_typed(
    app: Flask, runner: FlaskCliRunner, typed: str
) -> None:
    result = runner.invoke(args=["servers", "delete", "example"], input=f"{typed}\n")

    assert result.exit_code == 1
    assert "This deletes example (https://mcp.example.com/mcp) and the tokens of 2 people." in result.output
    assert left(app) == (1, 2)


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize(("options", "typed"), [((), " example \n"), ((), "ｅxample\n"), (("--yes",), "")])
def test_typed_or_told_not_to_ask_it_deletes(
    app: Flask, runner: FlaskCliRunner, options: tuple[str, ...], typed: str
) -> None:
    result = runner.invoke(args=["servers", "delete", "1", *options], input=typed)

    assert result.exit_code == 0
    assert "Deleted example, with the tokens of 2 people." in result.output
    assert "stay valid at their provider" in result.output
    assert left(app) == (0, 0)


@pytest.mark.usefixtures("example")
def test_a_number_that_changed_meanwhile_is_asked_about_again(
    app: Flask, runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What it would have seen before somebody saved theirs.
    seen = Owners([], {"saved": 1}, None)
    monkeypatch.setattr(server_change, "list_owners", lambda _server_id: seen)

    result = runner.invoke(args=["servers", "delete", "example"], input="example\nno\n")

    assert result.exit_code == 1
    assert "the tokens of 1 person." in result.output
    assert "the tokens of 2 people." in result.output
    assert left(app) == (1, 2)


@pytest.mark.usefixtures("example")
def test_showing_tells_everything_but_the_tokens(runner: FlaskCliRunner) -> None:
    output = runner.invoke(args=["servers", "show", "example"]).output

    assert "address: https://mcp.example.com/mcp\n" in output
    assert "header: Authorization: Bearer {token}\n" in output
    assert "people with a token: 2\n  saved: 2\n" in output


def test_trying_says_what_the_server_shows(app: Flask, runner: FlaskCliRunner) -> None:
    with running(good.without_token()) as server:
        app.extensions["egress"] = server.egress
        runner.invoke(args=["servers", "add", "--name", "Open", "--url", server.url, "--transport", "sse"])

        result = runner.invoke(args=["servers", "try", "open"])

    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "transport: streamable-http; the catalogue says sse",
        "protocol: 2026-07-28, stateless",
        "it calls itself: open",
        "OAuth: no sign of it",
        "tools: 1",
        "read-only: none is marked so",
    ]


def test_trying_what_cannot_be_reached_fails(app: Flask, runner: FlaskCliRunner) -> None:
    runner.invoke(args=["servers", "add", "--name", "Closed", "--url", "https://127.0.0.1:9/mcp"])

    result = runner.invoke(args=["servers", "try", "closed"])

    assert result.exit_code == 1
    assert result.output.startswith("Unreachable: It could not be reached.")
    assert len(result.output.splitlines()) == 1
