"""Redis down, dying, silent or full: nobody notices, and the limits go on in each process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import clock, create_app
from app.web import limits
from app.web.limits import LIMITS, Limit
from tests import databases
from tests.canary import CANARY
from tests.factories import PASSWORD, make_server, make_user
from tests.faults.redis_server import RedisServer, running_redis
from tests.pages import PageClient
from tests.web.api.conftest import EMAIL, Program, assert_problem

#: How many saves one person has a minute, in these tests.
SAVES = 12
#: The longest that anybody waits because of Redis.
MAX_SECONDS = 2.0
#: The limiter looks for a lost Redis less and less often, but surely once in this time.
LOOKS_AGAIN = timedelta(seconds=90)

# Redis does not care which database stands behind the app.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _few_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    few = Limit("save", "100 per minute", f"{SAVES} per minute")
    fewer = {endpoint: few if limit.scope == "save" else limit for endpoint, limit in LIMITS.items()}
    monkeypatch.setattr(limits, "LIMITS", fewer)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
def processes(database_url: str, redis: RedisServer) -> Iterator[list[Flask]]:
    """Two apps on one database and one Redis, as two processes of one site are."""
    settings = {"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "REDIS_URL": redis.url}
    apps = [create_app(settings) for _ in range(2)]
    for app in apps:
        app.test_client_class = PageClient
    with apps[0].app_context():
        make_user(EMAIL)
        make_server()
    yield apps
    for app in apps:
        databases.dispose(app)


@dataclass
class Saver:
    """Ann, signed in at one process, who saves and saves."""

    program: Program

    def save(self) -> TestResponse:
        """Save nothing, which counts like saving something; fail when that takes too long."""
        started = time.perf_counter()
        answer = self.program.post("/api/mcp-servers/1/auth-token", {})
        assert time.perf_counter() - started < MAX_SECONDS
        return answer

    def statuses(self, times: int) -> list[int]:
        """Save so often and return what was answered."""
        return [self.save().status_code for _ in range(times)]


def saver_at(app: Flask) -> Saver:
    program = Program(app)
    started = time.perf_counter()
    assert program.sign_in(EMAIL, PASSWORD).status_code == 200
    assert time.perf_counter() - started < MAX_SECONDS
    return Saver(program)


def assert_counted_again(saver: Saver, redis: RedisServer, time_machine: Any) -> None:
    """Fail unless Redis counts again by itself, in the same process."""
    redis.forget()
    time_machine.move_to(clock.now() + LOOKS_AGAIN)

    assert saver.statuses(SAVES + 1) == [422] * SAVES + [429]
    assert redis.is_counting()


def test_all_processes_count_together_in_redis(processes: list[Flask], redis: RedisServer) -> None:
    first, second = (saver_at(app) for app in processes)

    assert first.statuses(SAVES // 2) + second.statuses(SAVES // 2) == [422] * SAVES
    assert_problem(second.save(), 429, "too_many_requests")
    assert_problem(first.save(), 429, "too_many_requests")


def test_what_redis_holds_names_nobody_and_no_token(processes: list[Flask], redis: RedisServer) -> None:
    ann = saver_at(processes[0]).program
    assert ann.post("/api/mcp-servers/1/auth-token", {"token": CANARY}).status_code == 201

    keys = str(redis.ask("KEYS", "*"))

    assert "mcp-market" in keys
    assert not [word for word in (EMAIL, CANARY, "session") if word in keys]


def test_a_redis_that_is_down_when_the_app_starts_is_used_once_it_is_there(
    processes: list[Flask], redis: RedisServer, time_machine: Any
) -> None:
    redis.kill()
    saver = saver_at(processes[0])

    assert saver.statuses(SAVES + 1) == [422] * SAVES + [429]

    redis.start()
    assert_counted_again(saver, redis, time_machine)


def test_a_redis_that_dies_in_between_lets_nobody_through_for_ever(
    processes: list[Flask], redis: RedisServer, time_machine: Any
) -> None:
    saver = saver_at(processes[0])
    before = saver.statuses(SAVES // 2)
    redis.kill()

    # Each process counts from zero now: more than was meant, and still an end to it.
    assert before + saver.statuses(SAVES + 1) == [422] * (SAVES // 2 + SAVES) + [429]
    assert saver.program.get("/readyz").status_code == 200

    redis.start()
    assert_counted_again(saver, redis, time_machine)


def test_a_redis_that_says_nothing_is_not_waited_for(
    processes: list[Flask], redis: RedisServer, time_machine: Any
) -> None:
    saver = saver_at(processes[0])
    assert saver.save().status_code == 422

    with redis.frozen():
        started = time.perf_counter()
        assert saver.statuses(SAVES + 1) == [422] * SAVES + [429]
        # Not each of them waited.
        assert time.perf_counter() - started < 2 * MAX_SECONDS
        # Another process, which finds it so from the start.
        assert saver_at(processes[1]).statuses(1) == [422]
        # And when it is looked for again.
        time_machine.move_to(clock.now() + LOOKS_AGAIN)
        assert saver.statuses(3) == [422] * 3

    assert_counted_again(saver, redis, time_machine)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
    ids=["full", "replica"],
)
def test_a_redis_that_answers_and_takes_nothing_is_as_good_as_none(
    processes: list[Flask], redis: RedisServer, begin: tuple[str], end: tuple[str], time_machine: Any
) -> None:
    saver = saver_at(processes[0])
    redis.ask(*begin)

    assert saver.statuses(SAVES + 1) == [422] * SAVES + [429]

    redis.ask(*end)
    assert_counted_again(saver, redis, time_machine)
