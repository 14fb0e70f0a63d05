"""7. Workers: what a gunicorn worker takes in memory, and how long a start takes, against a Flask hello.

Memory is the worker's resident set after it has shown a page, as Linux tells it. A start is importing and
`create_app` in a fresh process, without Python's own start.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.harness import Contest
from tests.benchmarks.sites import Site
from tests.checkout import ROOT

HELLO = (
    "from flask import Flask\napp = Flask(__name__)\napp.add_url_rule('/login', view_func=lambda: 'hello')\n"
)
OURS = "from wsgi import app\n"
#: Guards between the hard limits, where a measuring is quick: the ratios that these limits are today.
MEMORY_RATIO, START_RATIO = 3.2, 8.5
MEMORY_LIMIT_MB, START_LIMIT_SECONDS = 100.0, 0.9
STARTED = "import time; at = time.perf_counter()\n%s\nprint(time.perf_counter() - at)"


def contests(site: Site, stack: ExitStack) -> Iterator[Contest]:
    """Yield what is measured; the database matters little here, so it is done once."""
    if site.name != "sqlite":
        return
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (folder / "hello.py").write_text(HELLO, encoding="utf-8")
    settings = {
        "APP_ENV": "development",
        "INSTANCE_PATH": str(folder),
        "DATABASE_URL": site.url,
        "TOKEN_ENCRYPTION_SECRET": site.app.config["TOKEN_ENCRYPTION_SECRET"],
        "LOG_LEVEL": "error",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
    }
    environment = os.environ | settings
    if Path("/proc/self/smaps_rollup").exists():
        yield Contest(
            "7 memory of a worker",
            "MB",
            lambda: worker_memory("wsgi:app", environment),
            lambda: worker_memory("hello:app", environment),
            at_most=MEMORY_RATIO,
            limit=MEMORY_LIMIT_MB,
            rounds=1,
        )
    yield Contest(
        "7 start",
        "s",
        lambda: start_seconds(OURS, environment),
        lambda: start_seconds(HELLO, environment),
        at_most=START_RATIO,
        limit=START_LIMIT_SECONDS,
        rounds=3,
    )


def start_seconds(source: str, environment: dict[str, str]) -> float:
    """Return how long importing and making the app takes, in a fresh process."""
    command = [sys.executable, "-c", STARTED % source]
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, cwd=ROOT)
    return float(told.stdout.split()[-1])


def worker_memory(app: str, environment: dict[str, str]) -> float:
    """Return the resident set of a worker that has shown a page, in MB."""
    with gunicorn(app, environment) as (master, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=30) as answer:
            assert answer.status == 200
        children = Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split()
        figures = Path(f"/proc/{children[0]}/smaps_rollup").read_text(encoding="ascii")
    kilobytes = next(line.split()[1] for line in figures.splitlines() if line.startswith("Rss:"))
    return int(kilobytes) * 1024 / 1e6


@contextmanager
def gunicorn(app: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Serve with one worker; yield the master's process id and the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    options = ["--no-control-socket", "-k", "gthread", "-w", "1", "--threads", "8", "--log-level", "error"]
    command = [sys.executable, "-m", "gunicorn", *options, "-b", f"127.0.0.1:{port}", app]
    with subprocess.Popen(command, env=environment, cwd=ROOT) as server:
        try:
            _wait_for(port)
            yield server.pid, port
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("gunicorn does not answer")
