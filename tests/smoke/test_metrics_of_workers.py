"""Metrics under gunicorn: two workers give one sum, and one that was killed leaves its counts alone."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from tests.databases import beside
from tests.faults.sites import PROXIED, wait_until_it_answers
from tests.readings import Reading, read
from tests.trial import Trial, free_ports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for gunicorn's workers")

TOKEN = secrets.token_urlsafe(32)
CONFIGURATION = "docs/deployment/gunicorn.conf.py"


@dataclass
class Node:
    """gunicorn with two workers, as the guide to deployment starts it."""

    client: httpx2.Client
    master: subprocess.Popen[bytes]
    trial: Trial
    settings: dict[str, str]
    folder: Path

    def reading(self) -> Reading:
        answer = self.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200, answer.text
        return read(answer.text)

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.master.pid}/task/{self.master.pid}/children").read_text()
        return {int(child) for child in children.split()}

    def ask_both(self, path: str) -> int:
        """Ask until each worker has answered, each time by a connection of its own; return how often."""
        asked = 0
        before = self.counted_by()
        while any(self.counted_by().get(pid, b"") == before.get(pid, b"") for pid in self.workers()):
            assert asked < 400, "one of the workers answers nobody"
            with httpx2.Client(base_url=self.client.base_url, headers=PROXIED, trust_env=False) as client:
                assert client.get(path).status_code == 200
            asked += 1
        return asked

    def counted_by(self) -> dict[int, bytes]:
        """Return what each process has written of its counts."""
        files = self.folder.glob("counter_*.db")
        return {int(file.stem.partition("_")[2]): file.read_bytes() for file in files}


@pytest.fixture
def node(tmp_path: Path, database_url: str) -> Iterator[Node]:
    trial = Trial(tmp_path / "a site")
    folder = tmp_path / "run" / "metrics"
    settings = {
        "APP_ENV": "",
        "DATABASE_URL": database_url,
        "SECRET_KEY": secrets.token_urlsafe(32),
        "TOKEN_ENCRYPTION_SECRET": secrets.token_urlsafe(32),
        "METRICS_TOKEN": TOKEN,
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
        "TRUSTED_PROXIES": "1",
        "WEB_CONCURRENCY": "2",
    }
    folder.mkdir(parents=True)
    # Of a gunicorn that was killed, with what it had in use.
    (folder / "gauge_livesum_1.db").write_bytes(b"left behind")
    port = free_ports(1)[0]
    master = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", CONFIGURATION, "-b", f"127.0.0.1:{port}", "wsgi:app"],
        cwd=trial.folder,
        env=trial.environment(**settings),
        stdin=subprocess.DEVNULL,
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=PROXIED, trust_env=False) as client:
            wait_until_it_answers(client, master)
            yield Node(client, master, trial, settings, folder)
    finally:
        master.terminate()
        master.wait(15)


# What processes count together is none of the database's business.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_workers_give_one_sum_and_commands_leave_nothing(node: Node) -> None:
    before = node.reading().of("http_requests_total", route="/login", method="GET", status="200")

    asked = node.ask_both("/login")
    command = node.trial.flask("tokens", "status", **node.settings)
    readings = [node.reading() for _ in range(4)]

    assert asked >= 2
    # Whichever of them answers.
    found = {one.of("http_requests_total", route="/login", method="GET", status="200") for one in readings}
    assert found == {before + asked}
    of_route = {one.of("http_request_seconds_count", route="/login") for one in readings}
    assert of_route == {before + asked}
    assert command.returncode == 0, command.stderr
    pids = {int(file.stem.rpartition("_")[2]) for file in node.folder.iterdir()}
    assert pids == node.workers()


def test_a_worker_that_was_killed_at_work_leaves_no_connection_in_use(node: Node, database_url: str) -> None:
    node.ask_both("/login")
    allowed = node.reading().of("database_connections_allowed")
    counted = node.reading().of("http_requests_total", route="/login", method="GET", status="200")

    with beside(database_url).connect() as other, ThreadPoolExecutor(1) as pool:
        hold_writers_up(other)
        waiting = pool.submit(try_to_sign_in, node)
        while not node.reading().of("database_connections_in_use"):
            time.sleep(0.05)
        for pid in node.workers():
            os.kill(pid, signal.SIGKILL)
        other.rollback()
        waiting.result(30)
    wait_until_it_answers(node.client, node.master)
    node.ask_both("/login")
    reading = node.reading()

    assert reading.of("database_connections_in_use") == 0
    assert reading.of("database_connections_allowed") == allowed
    assert reading.of("http_requests_total", route="/login", method="GET", status="200") > counted


def hold_writers_up(other: sa.Connection) -> None:
    if other.dialect.name == "sqlite":
        other.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        other.exec_driver_sql("LOCK TABLE failure_counts IN ACCESS EXCLUSIVE MODE")


def try_to_sign_in(node: Node) -> None:
    """Wait for the database; the answer never comes."""
    with suppress(httpx2.TransportError):
        node.client.post("/api/session", json={"email": "ann@example.com", "password": "wrong horse"})
