"""A Redis server of one's own, that can be killed, frozen, filled and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests import databases
from tests.trial import free_ports


class RedisServer:
    """Runs on a port of its own and keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = {"--port": str(self._port), "--bind": "127.0.0.1", "--save": "", "--appendonly": "no"}
        words = [word for option in options.items() for word in option]
        self._process = subprocess.Popen(
            ["redis-server", *words], cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        for _ in range(200):
            try:
                self.ask("PING")
            except redis.ConnectionError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("redis-server does not answer")

    def kill(self) -> None:
        """End it as a machine ends that loses power; what it held is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it take connections and say nothing until the block ends."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def ask(self, *words: str) -> object:
        """Send one command and return its answer."""
        with redis.Redis.from_url(self.url, decode_responses=True) as connection:
            answer: object = connection.execute_command(*words)
        return answer

    def forget(self) -> None:
        """Forget everything that was counted."""
        self.ask("FLUSHALL")

    def is_counting(self) -> bool:
        """Whether anything was counted here since it began, or forgot."""
        return self.ask("DBSIZE") != 0


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """Start a server and end it with the block, whatever has become of it."""
    if shutil.which("redis-server") is None:
        databases.skip_or_fail("redis-server is not installed")
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
