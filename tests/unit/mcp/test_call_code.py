"""Call code: whatever is in a call, pasting it runs nothing else, and no token is in it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.mcp.call_code import MAX_ARGUMENT_CHARS, Way, curl_of, python_of
from app.web.foreign import visible

ADDRESS = "https://x.example/mcp?a=[1-3]&b={c,d}'\"$HOME`id`"
TOKEN = "tok'en$HOME`id`\"\\%s"
WAY = Way(ADDRESS, "streamable-http", {"X-Org": "a'b\"$HOME"}, ("Authorization", "Bearer {token}"))
#: Texts that a shell or Python would act on, were they not quoted.
NASTY = (
    "plain",
    "a b",
    "",
    "'",
    '"',
    "\\",
    "\\'",
    "$HOME",
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "'''\nimport os; os.system('touch pwned')\n'''",
    "!!",
    "-o pwned",
    "@/etc/passwd",
    "%s %n {x}",
    "line\nline\r\n\ttab",
    "\x00\x1b[31m\x7f\u2028",
    "\u202egnitirw\u2066",
    "한국어 😀",
    "\ud800",
    "\u200b\U000e0041",
)
ARGUMENTS: dict[str, Any] = {text: [text, {text: text}] for text in NASTY}
#: In place of curl: says what it was given, and what it read.
FAKE_CURL = """#!/usr/bin/env python3
import json, sys
print(json.dumps([sys.argv[1:], sys.stdin.read() if "@-" in sys.argv else ""]))
"""


def run_in_bash(command: str, folder: Path, *, shell: str = "bash") -> tuple[list[str], str]:
    """Run the command with a curl that says what it was given; return its arguments and input."""
    (folder / "curl").write_text(FAKE_CURL)
    (folder / "curl").chmod(0o700)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "MCP_TOKEN": TOKEN, "HOME": "/nowhere"}
    done = subprocess.run(
        [shell, "-c", command], cwd=folder, env=environment, capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["curl"]
    arguments, read = json.loads(done.stdout)
    return arguments, read


def values_of(option: str, arguments: list[str]) -> list[str]:
    return [value for name, value in pairwise(arguments) if name == option]


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_shell_gives_curl_exactly_the_call_and_runs_nothing_else(tmp_path: Path, shell: str) -> None:
    command = curl_of(WAY, "to'ol $(touch pwned)", ARGUMENTS, {})

    assert command is not None
    arguments, read = run_in_bash(command, tmp_path, shell=shell)
    message = json.loads(values_of("--data-raw", arguments)[0])
    assert message["params"]["name"] == "to'ol $(touch pwned)"
    assert message["params"]["arguments"] == ARGUMENTS
    assert values_of("--url", arguments) == [ADDRESS]
    headers = values_of("--header", arguments)
    assert headers[0] == "@-"
    assert "X-Org: a'b\"$HOME" in headers
    assert "MCP-Protocol-Version: 2026-07-28" in headers
    assert read == f"Authorization: Bearer {TOKEN}\n"
    # Whoever lists the processes of the machine sees no token.
    assert not any(TOKEN in argument for argument in arguments)


@pytest.mark.parametrize("value_format", ["{token}", "App {token} '$HOME %s\\n", "-n {token}"])
def test_the_tokens_header_is_the_servers_own(tmp_path: Path, value_format: str) -> None:
    way = Way("https://x.example/", "streamable-http", {}, ("-X-Key'", value_format))

    command = curl_of(way, "tool", {}, {})

    assert command is not None
    _, read = run_in_bash(command, tmp_path)
    assert read == f"-X-Key': {value_format.replace('{token}', TOKEN)}\n"


def test_without_a_token_none_is_asked_for(tmp_path: Path) -> None:
    way = Way("https://x.example/", "streamable-http", {}, None)

    curl, python = curl_of(way, "tool", {}, {}), python_of(way, "tool", {})

    assert curl is not None and python is not None
    arguments, _ = run_in_bash(curl, tmp_path)
    assert "@-" not in arguments
    assert "MCP_TOKEN" not in curl + python


@pytest.mark.parametrize("transport", ["streamable-http", "sse"])
def test_python_compiles_and_holds_exactly_the_call(transport: str) -> None:
    way = Way(ADDRESS, transport, {"X-Org": "a'b"}, ("X-Key", "App {token}'"))

    code = python_of(way, "to'ol\n", ARGUMENTS)

    assert code is not None
    compile(code, "<code>", "exec")
    given = {}
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            given[statement.targets[0].id] = statement.value
    assert ast.literal_eval(given["URL"]) == ADDRESS
    assert ast.literal_eval(given["ARGUMENTS"]) == ARGUMENTS
    headers = eval(ast.unparse(given["HEADERS"]), {"os": type("os", (), {"environ": {"MCP_TOKEN": TOKEN}})})  # noqa: S307
    assert headers == {"X-Org": "a'b", "X-Key": f"App {TOKEN}'"}


def test_what_is_copied_is_what_is_seen() -> None:
    curl, python = curl_of(WAY, "tool", ARGUMENTS, {}), python_of(WAY, "tool", ARGUMENTS)

    assert curl is not None and python is not None
    assert visible(curl) == curl
    assert visible(python) == python
    assert all(line.isprintable() for line in (curl + python).split("\n"))


def test_an_older_server_is_spoken_to_in_its_version(tmp_path: Path) -> None:
    way = Way("https://x.example/", "streamable-http", {}, None, "2025-11-25")

    command = curl_of(way, "tool", {"a": 1}, {})

    assert command is not None
    arguments, _ = run_in_bash(command, tmp_path)
    assert "MCP-Protocol-Version: 2025-11-25" in values_of("--header", arguments)
    assert json.loads(values_of("--data-raw", arguments)[0])["params"] == {
        "name": "tool",
        "arguments": {"a": 1},
    }


def test_arguments_that_a_header_repeats_are_in_it(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}

    command = curl_of(WAY, "tool", {"region": "서울'"}, schema)

    assert command is not None
    headers = values_of("--header", run_in_bash(command, tmp_path)[0])
    assert any(one.startswith("Mcp-Param-Region: =?base64?") for one in headers)
    assert "Mcp-Name: tool" in headers


@pytest.mark.parametrize("schema", [{"properties": 3}, {"properties": {"a": []}}, {"x-mcp-header": {}}])
def test_a_schema_of_any_shape_is_borne(schema: dict[str, Any]) -> None:
    assert curl_of(WAY, "tool", {"a": 1}, schema)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": [value]}
    return value


@pytest.mark.parametrize("arguments", [{"a": "x" * MAX_ARGUMENT_CHARS}, nested(30), nested(5000)])
def test_what_nobody_would_paste_is_no_code(arguments: dict[str, Any]) -> None:
    assert curl_of(WAY, "tool", arguments, {}) is None
    assert python_of(WAY, "tool", arguments) is None


def test_over_sse_there_is_no_single_request() -> None:
    way = Way("https://x.example/sse", "sse", {}, None)

    assert curl_of(way, "tool", {}, {}) is None
    assert python_of(way, "tool", {})
