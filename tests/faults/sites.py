"""A site as in production: gunicorn, one process of eight threads, behind a proxy that ends TLS."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.factories import PASSWORD
from tests.trial import Trial, free_ports

THREADS = 8
#: What the reverse proxy sets.
PROXIED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Host": "market.test",
}


@dataclass
class Site:
    """A site that runs; `log` holds both outputs of gunicorn and its process."""

    client: httpx2.Client
    log: Path

    def sign_in(self, email: str) -> Visitor:
        """Return a person who has signed in by JSON."""
        answer = self.client.post("/api/session", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        cookies = [cookie.partition(";")[0] for cookie in answer.headers.get_list("Set-Cookie")]
        # The client would keep them for everybody, and send none: they are for HTTPS only.
        self.client.cookies.clear()
        headers = {"Cookie": "; ".join(cookies), "X-CSRFToken": answer.json()["csrf_token"]}
        return Visitor(self.client, headers)

    def processes_so_far(self) -> int:
        """Return how many worker processes there have been."""
        return self.log.read_text().count("Booting worker")


@dataclass
class Timed:
    """An answer and how long it took; an answer that never came is one of status 0."""

    status: int
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in at a site. Several threads may use one at once."""

    client: httpx2.Client
    headers: dict[str, str]

    def ask(self, method: str, path: str, body: object = None, wait_seconds: float = 30.0) -> Timed:
        """Send a request and time the answer."""
        started = time.monotonic()
        try:
            answer = self.client.request(
                method, path, json=body, headers=self.headers, timeout=httpx2.Timeout(wait_seconds)
            )
        except httpx2.ReadTimeout:
            return Timed(0, time.monotonic() - started)
        # Names in lower case.
        return Timed(
            answer.status_code, time.monotonic() - started, dict(answer.headers.items()), answer.text
        )


@contextmanager
def running_site(folder: Path, entry: str, database_url: str, **settings: str) -> Iterator[Site]:
    """Run a migrated database's site until the block ends."""
    trial = Trial(folder / "site")
    port = free_ports(1)[0]
    given = {
        "APP_ENV": "",
        "DATABASE_URL": database_url,
        "SECRET_KEY": secrets.token_urlsafe(32),
        "TOKEN_ENCRYPTION_SECRET": secrets.token_urlsafe(32),
        "TRUSTED_PROXIES": "1",
        **settings,
    }
    words = ["-k", "gthread", "-w", "1", "--threads", str(THREADS), "-b", f"127.0.0.1:{port}"]
    log = folder / "gunicorn.log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--no-control-socket", *words, entry],
            cwd=trial.folder,
            env=trial.environment(**given),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    limits = httpx2.Limits(max_connections=100)
    try:
        with httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers=PROXIED, trust_env=False, limits=limits
        ) as client:
            wait_until_it_answers(client, server)
            yield Site(client, log)
    finally:
        server.terminate()
        server.wait(15)


def wait_until_it_answers(client: httpx2.Client, server: subprocess.Popen[bytes]) -> None:
    """Return once somebody answers; fail when the process has ended."""
    for _ in range(300):
        assert server.poll() is None, "gunicorn did not start"
        try:
            client.get("/healthz")
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("gunicorn does not answer")


class SilentServer:
    """A server that takes every connection, reads nothing and says nothing."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.setblocking(False)
        self._taken: list[socket.socket] = []

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def take(self) -> int:
        """Return how many connections have come since this was last asked."""
        before = len(self._taken)
        while True:
            try:
                self._taken.append(self._listener.accept()[0])
            except BlockingIOError:
                return len(self._taken) - before

    def hang_up(self) -> None:
        """End every connection that has come so far."""
        self.take()
        for connection in self._taken:
            connection.close()
        self._taken = []

    def close(self) -> None:
        """End all of it."""
        self.hang_up()
        self._listener.close()


@contextmanager
def silent_server() -> Iterator[SilentServer]:
    """Listen until the block ends."""
    server = SilentServer()
    try:
        yield server
    finally:
        server.close()
