"""Several nodes of one site: gunicorn processes of their own, on one PostgreSQL and one Redis.

Whoever visits them asks as a proxy does: a node that is not there is passed over for the next one.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import httpx2

from tests.factories import PASSWORD
from tests.faults.sites import PROXIED
from tests.trial import Trial, free_ports

CONFIGURATION = "docs/deployment/gunicorn.conf.py"


@dataclass
class Node:
    """One of them. `settings` are those of its next start."""

    trial: Trial
    port: int
    settings: dict[str, str]
    log: Path
    #: Further words for gunicorn.
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; `wait` says when it answers."""
        words = ["-c", CONFIGURATION, "-b", f"127.0.0.1:{self.port}", *self.options, "wsgi:app"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *words],
                cwd=self.trial.folder,
                env=self.trial.environment(**self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own, so that all of it can be killed at once.
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return once it answers."""
        for _ in range(400):
            assert self.process is not None and self.process.poll() is None, self.log.read_text()[-2000:]
            with suppress(httpx2.TransportError):
                httpx2.get(f"{self.url}/healthz", trust_env=False)
                return
            time.sleep(0.05)
        raise AssertionError("a node does not answer")

    def stop(self) -> None:
        """End it as systemd does: what it has begun, it ends."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def kill(self) -> None:
        """End master and worker as a machine ends that loses power."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def flask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this node."""
        return self.trial.flask(*words, **self.settings)


@contextmanager
def running_nodes(
    folder: Path,
    count: int,
    database_url: str,
    redis_url: str,
    prepare: Callable[[int, Node], None] = lambda _number, _node: None,
    **settings: str,
) -> Iterator[list[Node]]:
    """Run so many nodes with the same settings until the block ends; `prepare` may change each one before."""
    trial = Trial(folder / "a site")
    given = {
        "APP_ENV": "",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": secrets.token_urlsafe(32),
        "TRUSTED_PROXIES": "1",
        "WEB_CONCURRENCY": "1",
        "LOG_LEVEL": "warning",
        **settings,
    }
    nodes = [
        Node(trial, port, dict(given), folder / f"node-{number}.log")
        for number, port in enumerate(free_ports(count))
    ]
    for number, node in enumerate(nodes):
        prepare(number, node)
    try:
        start_all(nodes)
        yield nodes
    finally:
        for node in nodes:
            node.kill()


def start_all(nodes: Sequence[Node]) -> None:
    """Start them all at once and wait for each."""
    for node in nodes:
        node.start()
    for node in nodes:
        node.wait()


def restart_one_by_one(nodes: Sequence[Node], **settings: str) -> None:
    """Give each node new settings, so that there is never more than one missing."""
    for node in nodes:
        node.stop()
        node.settings |= settings
        node.start()
        node.wait()


@dataclass
class Visitor:
    """Somebody who is signed in, by JSON. For one thread."""

    nodes: Sequence[Node]
    headers: dict[str, str] = field(default_factory=dict)
    #: How often a node that was asked was not there, or went away without an answer.
    passed_over: int = 0

    def __post_init__(self) -> None:
        # A connection for each request: one that is kept could be to a node that ends.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._client = httpx2.Client(headers=PROXIED, trust_env=False, limits=limits, timeout=30)
        self._turn = cycle(range(len(self.nodes)))

    def sign_in(self, email: str, node: Node) -> None:
        """Sign in at one node."""
        answer = self.ask_at(node, "POST", "/api/session", {"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        cookies = [cookie.partition(";")[0] for cookie in answer.headers.get_list("Set-Cookie")]
        self._client.cookies.clear()
        self.headers = {"Cookie": "; ".join(cookies), "X-CSRFToken": answer.json()["csrf_token"]}

    def ask_at(self, node: Node, method: str, path: str, body: object = None) -> httpx2.Response:
        """Ask this very node."""
        return self._client.request(method, f"{node.url}{path}", json=body, headers=self.headers)

    def ask(self, method: str, path: str, body: object = None) -> httpx2.Response:
        """Ask the next node in turn that answers."""
        for _ in range(20 * len(self.nodes)):
            try:
                return self.ask_at(self.nodes[next(self._turn)], method, path, body)
            except httpx2.TransportError:
                self.passed_over += 1
                time.sleep(0.01)
        raise AssertionError("no node answers")

    def close(self) -> None:
        """Close what is open."""
        self._client.close()
