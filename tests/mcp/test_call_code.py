"""Call code, run as people would run it: in a shell and as a program, against real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.mcp.call_code import Way, curl_of, python_of
from app.mcp.client import list_tools
from tests.mcp_servers import good
from tests.mcp_servers.good import TOKEN
from tests.mcp_servers.running import Running, running

TEXT = "한국어 'quoted' \"$HOME\" `id`\nline"


@pytest.fixture(scope="module")
def demo() -> Iterator[Running]:
    with running(good.demo()) as server:
        yield server


def way_to(server: Running, transport: str = "streamable-http") -> Way:
    """Return the way as the playground knows it: by having listed the tools."""
    versions: list[str] = []
    list_tools(server.remote(TOKEN, transport=transport), server.egress, note_version=versions.append)
    return Way(server.url, transport, {}, ("Authorization", "Bearer {token}"), versions[0])


def run(command: list[str], token: str = TOKEN) -> str:
    environment = {**os.environ, "MCP_TOKEN": token, "no_proxy": "127.0.0.1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_curl_calls_a_stateless_server(demo: Running, shell: str) -> None:
    command = curl_of(way_to(demo), "echo", {"text": TEXT}, {})

    assert command is not None
    answer = json.loads(run([shell, "-c", command]))
    assert answer["result"]["content"] == [{"type": "text", "text": TEXT}]


def test_curl_calls_an_older_server_that_takes_a_call_alone() -> None:
    with running(good.legacy()) as server:
        command = curl_of(way_to(server), "first", {}, {})

        assert command is not None
        answer = json.loads(run(["bash", "-c", command]))

    assert answer["result"]["content"] == [{"type": "text", "text": "called first"}]
    assert server.requests[-1][2]["mcp-protocol-version"] == good.LEGACY_VERSION


@pytest.mark.parametrize("era", ["stateless", "session"])
def test_python_calls_a_server_of_either_era(demo: Running, era: str) -> None:
    with running(good.legacy()) as older:
        server, tool = (demo, "echo") if era == "stateless" else (older, "first")
        code = python_of(way_to(server), tool, {"text": TEXT})

        assert code is not None
        answer = json.loads(run([sys.executable, "-c", code]))

    assert answer["content"][0]["text"] == (TEXT if era == "stateless" else "called first")


def test_python_calls_over_sse() -> None:
    with running(good.over_sse(), "/sse") as server:
        code = python_of(way_to(server, "sse"), "echo", {"text": TEXT})

        assert code is not None
        answer = json.loads(run([sys.executable, "-c", code]))

    assert answer["content"][0]["text"] == TEXT
