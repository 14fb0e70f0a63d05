"""gunicorn's settings in production: `gunicorn -c docs/deployment/gunicorn.conf.py wsgi:app`.

What stands on the command line wins, `WEB_CONCURRENCY` says how many workers. `docs/deployment.md` has the
measurements behind the numbers. Nothing of the app is imported here, so that a reload finds its new code.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

#: As many as cores: each has a Python of its own, and templates cost CPU.
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
#: Half of them may wait for remote servers (`CALL_SLOTS`).
worker_class = "gthread"
threads = 8
#: A call that has begun may end: it asks a server for its tools and then for this, up to 30 seconds each.
graceful_timeout = 75
#: Longer than the proxy keeps its connections to us, so that it never writes into one that we close.
keepalive = 75
# It would stand in HOME, shared by every gunicorn of this account.
control_socket_disable = True

#: Where the processes of this node leave their counts for `/metrics`. Not from `.env`: gunicorn reads none.
METRICS = os.environ.get("PROMETHEUS_MULTIPROC_DIR")


def on_starting(_server: Any) -> None:
    """Begin to count anew; but not where another gunicorn is being replaced while it serves."""
    if METRICS and "GUNICORN_PID" not in os.environ:
        folder = Path(METRICS)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob("*.db"):
            left.unlink()


def child_exit(_server: Any, worker: Any) -> None:
    """Forget what a worker had that is no more. What it has counted stays."""
    if METRICS:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
