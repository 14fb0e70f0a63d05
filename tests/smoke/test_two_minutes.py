"""The main job, end to end, as a newcomer's machine does it: real processes, real ports, a fresh copy."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.trial import Trial, free_ports

START_SECONDS = 45
STOP_SECONDS = 15


class Market(Trial):
    """A trial that is being served."""

    def __init__(self, folder: Path, log: Path) -> None:
        super().__init__(folder)
        self.log = log
        self.ports = free_ports(2)
        words = ("--port", str(self.ports[0]), "--demo-port", str(self.ports[1]))
        self.process = self.start("quickstart", "--serve", *words, log=log)

    def wait_until_it_serves(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while "3. Save this token" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def ports_that_answer(self) -> list[int]:
        return [port for port in self.ports if answers(port)]

    def wait_until_nothing_answers(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while self.ports_that_answer() and time.monotonic() < deadline:
            time.sleep(0.1)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    market = Market(tmp_path / "a market", tmp_path / "log.txt")
    try:
        market.wait_until_it_serves()
        yield market
    finally:
        if market.process.poll() is None:
            market.process.terminate()
            market.process.wait(STOP_SECONDS)


@pytest.fixture
def api(market: Market) -> Iterator[httpx2.Client]:
    """A program that is signed in as the demo person."""
    demo = market.demo()
    with httpx2.Client(base_url=demo["url"], trust_env=False, timeout=40) as client:
        answer = client.post("/api/session", json={"email": demo["email"], "password": demo["password"]})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRFToken"] = answer.json()["csrf_token"]
        yield client


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def call(api: httpx2.Client, server_id: int, tool: str, **body: Any) -> httpx2.Response:
    return api.post(f"/api/playground/{server_id}/call", json={"tool": tool, **body})


def lines_with(text: bytes, folder: Path) -> list[str]:
    """Return the files in which the text stands."""
    return [path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


def test_a_saved_token_calls_the_tools_of_its_server(market: Market, api: httpx2.Client) -> None:
    demo = market.demo()
    server_id, token = demo["demo_server_id"], demo["demo_token"]

    before = call(api, server_id, "whoami")
    saved = api.post(f"/api/mcp-servers/{server_id}/auth-token", json={"token": token})
    whoami = call(api, server_id, "whoami")
    added = call(api, server_id, "add", arguments={"a": 2, "b": 3})
    wrong = call(api, server_id, "whoami", mcp_auth_token="not-the-token-of-this-server")
    state = api.get(f"/api/mcp-servers/{server_id}/auth-token")

    assert (before.status_code, before.json()["code"]) == (409, "token_required")
    assert saved.status_code == 201, saved.text
    assert saved.json()["hint"] == f"...{token[-4:]}"
    assert (whoami.status_code, whoami.json()["token_source"], whoami.json()["is_error"]) == (
        200,
        "saved",
        False,
    )
    assert "5" in str(added.json()["content"])
    assert (wrong.status_code, wrong.json()["code"]) == (409, "token_rejected")
    assert wrong.json()["token_source"] == "request"
    assert (state.json()["has_token"], state.json()["hint"]) == (True, f"...{token[-4:]}")
    for answer in (before, saved, whoami, added, wrong, state):
        assert token not in answer.text + str(answer.headers)


def test_the_token_is_in_no_file_and_no_log(market: Market, api: httpx2.Client) -> None:
    demo = market.demo()
    token = demo["demo_token"]

    api.post(f"/api/mcp-servers/{demo['demo_server_id']}/auth-token", json={"token": token})
    call(api, demo["demo_server_id"], "whoami")

    # Database, write-ahead log and everything else; what is left is the file that hands it to the person,
    assert lines_with(token.encode(), market.instance) == ["quickstart.json"]
    # and the line that does.
    told = [line for line in market.log.read_text().splitlines() if token in line]
    assert [line[:2] for line in told] == ["3."]
    assert "Using saved auth token" in market.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_both(market: Market, number: signal.Signals) -> None:
    assert market.ports_that_answer() == market.ports

    market.process.send_signal(number)

    assert market.process.wait(STOP_SECONDS) == 0
    assert market.ports_that_answer() == []
    assert "Traceback" not in market.log.read_text()


def test_no_child_outlives_a_parent_that_was_killed(market: Market) -> None:
    market.process.kill()

    market.process.wait(STOP_SECONDS)
    market.wait_until_nothing_answers()
    assert market.ports_that_answer() == []


def test_a_second_start_says_which_port_is_taken(market: Market) -> None:
    words = ("--port", str(market.ports[0]), "--demo-port", str(free_ports(1)[0]))

    second: subprocess.CompletedProcess[str] = market.flask("quickstart", "--serve", *words)

    assert second.returncode == 1
    assert f"Port {market.ports[0]} is in use." in second.stderr
    assert market.ports_that_answer() == market.ports
