"""`flask servers`: what it prints, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from app.extensions import db
from app.models import Server
from app.services.server_list import list_catalogue
from tests.factories import make_server, make_token, make_user

DATA = Path(__file__).parents[1] / "data" / "registry"
ADD = ("servers", "add", "--name", "Example", "--url", "https://mcp.example.com/mcp")


def only_server(app: Flask) -> Server:
    with app.app_context():
        return db.session.scalars(db.select(Server)).one()


def test_adding_needs_a_name_and_an_address_only(app: Flask, runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=ADD)

    assert (result.exit_code, result.output) == (0, "Added example (id 1).\n")
    assert only_server(app).auth_value_format == "Bearer {token}"
    assert only_server(app).token_required


@pytest.mark.parametrize(
    ("options", "value_format"),
    [
        (("--header", "X-Api-Key"), "{token}"),
        (("--header", "authorization"), "Bearer {token}"),
        (("--format", "App {token}"), "App {token}"),
    ],
)
def test_header_and_format_can_be_given(
    app: Flask, runner: FlaskCliRunner, options: tuple[str, ...], value_format: str
) -> None:
    result = runner.invoke(args=[*ADD, *options])

    assert result.exit_code == 0
    assert only_server(app).auth_value_format == value_format


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--url", "https://someone:secret@example.com"), "user name or password"),
        (("--url", "nonsense"), "does not begin with https://"),
        (("--header", "Cookie"), "may not carry a token"),
        (("--format", "Bearer"), "exactly one {token}"),
        (("--format", ""), "characters"),
        (("--name", " "), "name is empty"),
        (("--transport", "stdio"), "stdio"),
    ],
)
def test_what_cannot_be_added_is_a_usage_error_that_says_why(
    runner: FlaskCliRunner, options: tuple[str, ...], words: str
) -> None:
    result = runner.invoke(args=[*ADD, *options])

    assert result.exit_code == 2
    assert words in result.output
    assert "secret" not in result.output


def test_importing_every_real_entry_lists_what_it_skipped(runner: FlaskCliRunner) -> None:
    files = [str(path) for path in sorted(DATA.iterdir())]

    first, second = (runner.invoke(args=["servers", "import", *files]) for _ in range(2))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "Added: GitHub\n" in first.output
    assert "Skipped: ai.aliengiraffe/spotdb: it has only packages to run" in first.output
    assert "Disabled: Cycloid: It needs the header X-CY-ORG" in first.output
    assert "64 added, 0 changed, 0 unchanged" in first.output
    assert "0 added, 0 changed, 64 unchanged" in second.output


def test_a_list_page_is_read_from_standard_input(runner: FlaskCliRunner) -> None:
    page = {"servers": [json.loads(path.read_text()) for path in sorted(DATA.iterdir())]}

    result = runner.invoke(args=["servers", "import", "-"], input=json.dumps(page))

    assert result.exit_code == 0
    assert "64 added" in result.output


@pytest.mark.parametrize("content", [None, b"not json: s3cr3t", b"\x00\xff", b"[" * 100_000, b""])
def test_a_file_that_cannot_be_read_fails_after_the_others_are_imported(
    runner: FlaskCliRunner, tmp_path: Path, content: bytes | None
) -> None:
    bad = tmp_path / "bad.json"
    if content is not None:
        bad.write_bytes(content)

    result = runner.invoke(args=["servers", "import", str(bad), str(DATA / "ai.exa__exa.json")])

    assert result.exit_code == 1
    assert f"Not read: {bad}: it" in result.output
    assert "1 added" in result.output
    assert "s3cr3t" not in result.output


def test_a_folder_cannot_be_read(runner: FlaskCliRunner, tmp_path: Path) -> None:
    assert runner.invoke(args=["servers", "import", str(tmp_path)]).exit_code == 1


@pytest.mark.parametrize("document", [{}, [], 7, {"servers": [None]}, {"name": "a/b"}])
def test_a_file_without_a_usable_entry_is_no_failure(
    runner: FlaskCliRunner, tmp_path: Path, document: object
) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(document))

    result = runner.invoke(args=["servers", "import", str(file)])

    assert result.exit_code == 0
    assert "0 added" in result.output


def test_importing_nothing_is_a_usage_error(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["servers", "import"]).exit_code == 2


def test_the_list_shows_state_and_reason(runner: FlaskCliRunner) -> None:
    runner.invoke(args=["servers", "import", str(DATA / "com.predictleads__mcp.json")])
    runner.invoke(args=ADD)

    lines = [line.split("\t") for line in runner.invoke(args=["servers", "list"]).output.splitlines()]

    assert lines == [
        ["2", "example", "enabled", "https://mcp.example.com/mcp", "0"],
        [
            *("1", "predictleads", "disabled", "https://mcp.predictleads.com/", "0"),
            "It wants 2 secrets (X-Api-Key, X-Api-Token); one can be sent.",
        ],
    ]


def test_the_list_is_searched_and_counts_the_people_of_every_server(
    app: Flask, runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_catalogue, "__defaults__", ("", "", 1))
    with app.app_context():
        person = make_user()
        for name in ("Octo", "Notion", "Octopus"):
            make_token(person, make_server(name))

    said = runner.invoke(args=["servers", "list", "--query", "OCTO"]).output

    rows = [line.split("\t") for line in said.splitlines()]
    assert [(row[1], row[4]) for row in rows] == [("server-1", "1"), ("server-3", "1")]


def test_everything_that_pages_can_say_of_a_new_server_can_be_said_here(
    app: Flask, runner: FlaskCliRunner
) -> None:
    given = {"description": "A forge", "help-url": "https://example.com/t", "help-text": "See there"}
    options = [word for name, text in given.items() for word in (f"--{name}", text)]
    headers = ["--extra-header", "X-Version: 1", "--extra-header", "X-Tools: a: b"]
    result = runner.invoke(args=[*ADD, *options, *headers, "--placeholder", "ghp_…", "--for-nobody"])

    server = only_server(app)
    assert result.output == "Added example (id 1), for nobody yet.\n"
    assert [server.description, server.token_help_url, server.token_help] == list(given.values())
    assert (server.token_placeholder, server.for_everyone) == ("ghp_…", False)
    assert server.extra_headers == {"X-Version": "1", "X-Tools": "a: b"}
    assert runner.invoke(args=["servers", "groups", "example"]).output == "For nobody.\n"
    for wrong in ("no colon", "Authorization: x"):
        assert runner.invoke(args=[*ADD, "--extra-header", wrong]).exit_code == 2


def test_enabling_and_disabling_say_what_changed(runner: FlaskCliRunner) -> None:
    runner.invoke(args=ADD)

    answers = [runner.invoke(args=["servers", verb, "example"]) for verb in ("disable", "disable", "enable")]

    assert [answer.output for answer in answers] == [
        "Disabled.\n",
        "It was disabled already.\n",
        "Enabled.\n",
    ]


@pytest.mark.parametrize("verb", ["enable", "disable", "delete", "show", "try"])
def test_a_server_that_is_not_there_fails(runner: FlaskCliRunner, verb: str) -> None:
    result = runner.invoke(args=["servers", verb, "nothing"])

    assert result.exit_code == 1
    assert "There is no server with this slug or id." in result.output
