"""`flask servers import` and `export`: what is asked, what is listed, and how they exit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from app.extensions import db
from app.models import AuditEvent, Server
from app.services import servers
from tests.cli.test_servers import DATA
from tests.factories import make_server
from tests.services.test_servers import hold_token

NEW = "https://new.example.com/mcp"


@pytest.fixture
def moved(app: Flask, tmp_path: Path) -> list[str]:
    """Return a file whose first entry moves a server with Ann's token, and whose second one is new."""
    with app.app_context():
        make_server("Octo", slug="octo", registry_name="com.octo/mcp")
        hold_token(servers.find_server("octo"), "ann@example.com")
    entries = [entry("com.octo/mcp", NEW), entry("com.other/mcp", "https://other.example.com/mcp")]
    return ["servers", "import", written(tmp_path, entries)]


def entry(name: str, url: str, *headers: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "remotes": [{"type": "streamable-http", "url": url, "headers": list(headers)}]}


def written(folder: Path, document: Any) -> str:
    path = folder / "servers.json"
    path.write_text(json.dumps(document))
    return str(path)


def addresses(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(db.select(Server.url)))


def test_a_dry_run_says_everything_and_writes_nothing(
    app: Flask, runner: FlaskCliRunner, moved: list[str]
) -> None:
    before = addresses(app)

    result = runner.invoke(args=[*moved, "--dry-run"])

    assert result.exit_code == 0
    assert f"→ {NEW}, with the tokens of 1 person" in result.output
    assert "1 added, 1 changed" in result.output and "1 tokens put on hold" in result.output
    assert result.output.endswith("Nothing was done: this was a dry run.\n")
    assert addresses(app) == before
    with app.app_context():
        assert db.session.scalar(db.select(AuditEvent).where(AuditEvent.action.startswith("server."))) is None


def test_a_dry_run_shows_all_that_a_new_server_would_have(runner: FlaskCliRunner, tmp_path: Path) -> None:
    headers = [{"name": "X-Key", "isRequired": False}, {"name": "X-Org", "value": "everybodys"}]
    file = written(tmp_path, entry("com.a/mcp", NEW, *headers) | {"description": "Wipes disks"})

    output = runner.invoke(args=["servers", "import", file, "--dry-run"]).output

    for line in (
        *(f"url: {NEW}", "description: Wipes disks", "auth_header_name: X-Key", "token_required: no"),
        "extra_headers: X-Org: everybodys",
    ):
        assert f"\n  {line}\n" in output


def test_where_nobody_can_be_asked_what_would_hold_tokens_is_left_out_and_listed(
    app: Flask, runner: FlaskCliRunner, moved: list[str]
) -> None:
    result = runner.invoke(args=moved)

    assert result.exit_code == 0
    assert (
        "Skipped: com.octo/mcp: it would put the tokens of 1 person on hold; --yes does so" in result.output
    )
    assert "1 added, 0 changed" in result.output
    assert NEW not in addresses(app)

    sure = runner.invoke(args=[*moved, "--yes"])

    assert sure.exit_code == 0
    assert "0 added, 1 changed, 1 unchanged, 0 skipped; 1 tokens put on hold." in sure.output
    assert NEW in addresses(app)


@pytest.mark.parametrize(("answer", "moves"), [("y\n", True), ("n\n", False)])
def test_somebody_at_a_terminal_is_asked_with_the_number(
    app: Flask,
    runner: FlaskCliRunner,
    moved: list[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    moves: bool,
) -> None:
    monkeypatch.setattr("app.cli.catalogue_files._is_somebody_there", lambda: True)

    result = runner.invoke(args=moved, input=answer)

    assert result.exit_code == 0
    assert "Put the tokens of 1 person on hold?" in result.output
    assert (NEW in addresses(app)) is moves
    assert "https://other.example.com/mcp" in addresses(app)
    assert sys.stdin is not None


def test_answers_are_given_once_and_kept(app: Flask, runner: FlaskCliRunner, tmp_path: Path) -> None:
    org = {"name": "X-Org", "isRequired": True, "description": "Whose"}
    file = written(tmp_path, [entry("com.a/mcp", "https://{tenant}.example.com/mcp", {"name": "X-Key"}, org)])

    asked = runner.invoke(args=["servers", "import", file])
    given = runner.invoke(
        args=["servers", "import", file, "--set", "tenant=acme", "--set", "com.a/mcp:X-Org=a=b"]
    )
    again = runner.invoke(args=["servers", "import", file])

    assert (asked.exit_code, given.exit_code, again.exit_code) == (0, 0, 0)
    assert "Asked for: --set com.a/mcp:tenant=…: its entry leaves it open" in asked.output
    assert "Asked for: --set com.a/mcp:X-Org=…: Whose" in asked.output
    assert "1 added" in given.output and "Asked for" not in given.output
    assert "0 added, 0 changed, 1 unchanged, 0 skipped" in again.output and "Asked for" not in again.output
    with app.app_context():
        server = db.session.scalars(db.select(Server)).one()
        assert (server.url, server.extra_headers) == ("https://acme.example.com/mcp", {"X-Org": "a=b"})


@pytest.mark.parametrize("value", ["tenant", "=x", ""])
def test_an_answer_without_a_name_is_a_usage_error(runner: FlaskCliRunner, value: str) -> None:
    assert runner.invoke(args=["servers", "import", "-", "--set", value], input="[]").exit_code == 2


def test_an_answer_that_nothing_asks_for_and_one_that_looks_like_a_token(runner: FlaskCliRunner) -> None:
    unasked = runner.invoke(args=["servers", "import", "-", "--set", "tenant=acme"], input="[]")
    secret = runner.invoke(args=["servers", "import", "-", "--set", f"tenant=ghp_{'a' * 36}"], input="[]")

    assert (unasked.exit_code, secret.exit_code) == (0, 1)
    assert "Skipped: tenant: nothing asks for it" in unasked.output
    assert "looks like a token" in secret.output and "aaaa" not in secret.output


def test_one_entry_alone_can_be_taken(app: Flask, runner: FlaskCliRunner, moved: list[str]) -> None:
    result = runner.invoke(args=[*moved, "--only", "com.other/mcp"])

    assert (result.exit_code, NEW in addresses(app)) == (0, False)
    assert "1 added, 0 changed" in result.output and "would put" not in result.output


def test_an_entry_that_is_not_there_is_listed(app: Flask, runner: FlaskCliRunner, moved: list[str]) -> None:
    # Beside one that is left out for its tokens.
    chosen = ["--only", "com.other/mpc", "--only", "com.octo/mcp"]

    for command in ([*moved, *chosen, "--dry-run"], [*moved, *chosen], [*moved, *chosen, "--yes"]):
        result = runner.invoke(args=command)

        assert result.exit_code == 0
        assert "Skipped: com.other/mpc: there is no such entry to import\n" in result.output
        assert "1 skipped" in result.output
        assert "https://other.example.com/mcp" not in addresses(app)


def test_a_new_server_that_speaks_sse_alone_is_said_to(runner: FlaskCliRunner, tmp_path: Path) -> None:
    old = {"type": "sse", "url": "https://old.example.com/sse"}
    file = written(tmp_path, [{"name": "com.a/old", "remotes": [old]}, entry("com.a/mcp", NEW)])

    first, second = (runner.invoke(args=["servers", "import", file]).output for _ in range(2))

    assert first.count("it speaks SSE alone, which is of old servers") == 1
    assert "SSE" not in second


def test_an_export_goes_to_a_file_or_out_and_imports_again_unchanged(
    app: Flask, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    runner.invoke(args=["servers", "import", *(str(path) for path in sorted(DATA.iterdir()))])
    file = tmp_path / "export.json"

    written = runner.invoke(args=["servers", "export", "-o", str(file)])
    printed = runner.invoke(args=["servers", "export"])
    again = runner.invoke(args=["servers", "import", str(file)])
    unwritable = runner.invoke(args=["servers", "export", "-o", str(tmp_path / "no" / "where.json")])

    assert (written.exit_code, written.output, again.exit_code) == (0, "", 0)
    assert json.loads(printed.output) == json.loads(file.read_text())
    assert "0 added, 0 changed, 64 unchanged, 0 skipped" in again.output
    assert unwritable.exit_code == 1 and "cannot be written" in unwritable.output
