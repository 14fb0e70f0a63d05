"""Redis that goes while many requests are on their way: not one of them may pay for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from flask import Flask

from app import create_app
from tests import databases
from tests.faults.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

#: As many as a process has threads.
VISITORS = 8
MAX_SECONDS = 2.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
def app(database_url: str, redis: RedisServer) -> Iterator[Flask]:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "REDIS_URL": redis.url})
    yield app
    databases.dispose(app)


def sign_ins_at_once(app: Flask) -> list[tuple[int, float]]:
    """Return status and seconds of as many failed sign-ins, of different people, that start together."""
    start = Barrier(VISITORS)

    def sign_in(number: int) -> tuple[int, float]:
        body = {"email": f"nobody-{number}@example.com", "password": "wrong horse battery"}
        start.wait()
        began = time.perf_counter()
        status = app.test_client().post("/api/session", json=body).status_code
        return status, time.perf_counter() - began

    with ThreadPoolExecutor(VISITORS) as threads:
        return list(threads.map(sign_in, range(VISITORS)))


@pytest.mark.parametrize("how", ["silent", "dead"])
def test_a_redis_that_goes_while_many_ask_at_once_costs_none_of_them_an_answer(
    app: Flask, redis: RedisServer, how: str
) -> None:
    assert {status for status, _ in sign_ins_at_once(app)} == {401}

    if how == "dead":
        redis.kill()
        answers = sign_ins_at_once(app)
    else:
        with redis.frozen():
            answers = sign_ins_at_once(app)

    assert {status for status, _ in answers} == {401}
    assert max(seconds for _, seconds in answers) < MAX_SECONDS
