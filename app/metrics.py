"""Metrics: what this process counts of its work; where it has a folder for it, all processes of a node.

Off until `switch_on`; until then counting does nothing. Counting never raises: whatever is wrong with it, the
request goes on. Every label is a word of ours, so that nobody outside can make a new series: no name, no
address, no id, no path.

With `PROMETHEUS_MULTIPROC_DIR` each process writes into files of its own there, and any of them answers for
all. prometheus-client looks for that variable when it is imported, and makes the files when an instrument is
first used: both happen with the first request, so that commands of `flask` leave nothing there.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
#: Methods that have a series of their own; a stranger may make up any other.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
#: From a cached page to a call that waits for a remote server as long as it may.
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Instruments:
    """What is counted. One for each process."""

    def __init__(self) -> None:
        # Here, not above: whoever has metrics off pays nothing for them.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

        # When each series began doubles their number, and is lost where several processes are summed.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types for it
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mcp_market_http_requests",
            "Requests by route, as the code has it, method and status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "mcp_market_http_request_seconds",
            "From the first guard to the last header.",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.checks = Counter(
            "mcp_market_checks",
            "Checks of tokens by what the server showed.",
            ("result",),
            registry=self.registry,
        )
        self.calls = Counter(
            "mcp_market_calls",
            "Requests to MCP servers from playground and API by how they ended.",
            ("purpose", "outcome"),
            registry=self.registry,
        )
        self.failed_sign_ins = Counter(
            "mcp_market_failed_sign_ins",
            "Passwords and codes that were refused, or had to wait, known account or not.",
            ("reason",),
            registry=self.registry,
        )
        # `live`: what a process had that is no more counts for nothing.
        self.connections_in_use = Gauge(
            "mcp_market_database_connections_in_use",
            "Database connections that requests hold now.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.connections_allowed = Gauge(
            "mcp_market_database_connections_allowed",
            "Database connections that the processes of this node may open at most.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )


class _Process:
    """What this process has: None while metrics are off, or cannot be counted."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.instruments: Instruments | None = None
        self.has_failed = False


_process: Final = _Process()


def switch_on() -> bool:
    """Count from now on; return False where that is not possible, which is logged once a process."""
    if _process.instruments is None and not _process.has_failed:
        with _process.lock:
            if _process.instruments is None and not _process.has_failed:
                _start()
    return _process.instruments is not None


def count_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count an answer. `route`: the rule that matched, never the path that was asked for."""
    if _process.instruments is not None:
        try:
            method = method if method in METHODS else OTHER
            _process.instruments.requests.labels(route, method, str(status)).inc()
            _process.instruments.request_seconds.labels(route).observe(seconds)
        except Exception as error:
            _tell(error)


def count_check(result: str) -> None:
    """Count a check by its result, a word of `app.mcp.checks`."""
    _count("checks", result)


def count_call(purpose: str, outcome: str) -> None:
    """Count a request to an MCP server by how it ended, as the ledger says it."""
    _count("calls", purpose, outcome)


def count_failed_sign_in(reason: str) -> None:
    """Count a refusal: `password`, `code`, `confirmation` of who is signed in, or `held_up`."""
    _count("failed_sign_ins", reason)


def note_connections(in_use: int, allowed: int) -> None:
    """Note how many database connections are in use now, and how many there may be."""
    if _process.instruments is not None:
        try:
            _process.instruments.connections_in_use.set(in_use)
            _process.instruments.connections_allowed.set(allowed)
        except Exception as error:
            _tell(error)


def written(further: Collector) -> tuple[bytes, str]:
    """Return everything that was counted, and what `further` collects, with its content type.

    Call it after `switch_on` has returned True.
    """
    from prometheus_client import CollectorRegistry, exposition
    from prometheus_client.multiprocess import MultiProcessCollector

    assert _process.instruments is not None  # noqa: S101 - what the docstring asks for
    registry = _process.instruments.registry
    text = b""
    if folder := os.environ.get(FOLDER_VARIABLE):
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call] # nor for this
    ours = CollectorRegistry()
    ours.register(further)
    for one in (registry, ours):
        text += exposition.generate_latest(one)
    return text, exposition.CONTENT_TYPE_PLAIN_0_0_4


def _start() -> None:
    try:
        _process.instruments = Instruments()
    except Exception as error:
        _process.has_failed = True
        logger.error(
            "Metrics are off: they cannot be written to their folder.",
            extra={"setting": FOLDER_VARIABLE, "reason": type(error).__name__},
        )


def _count(name: str, *labels: str) -> None:
    if _process.instruments is not None:
        try:
            getattr(_process.instruments, name).labels(*labels).inc()
        except Exception as error:
            _tell(error)


def _tell(error: Exception) -> None:
    """Log the first failure of this process; each request would have one."""
    if not _process.has_failed:
        _process.has_failed = True
        logger.error("Something could not be counted.", extra={"reason": type(error).__name__})
