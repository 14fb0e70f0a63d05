"""`/metrics`: what Prometheus reads, for whoever has `METRICS_TOKEN`. Where that is not set, it is a 404.

A reading writes nothing, and asks the database no more than once in a while, however often it is asked. When
the database does not answer, what the processes have counted is told all the same.
"""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Flask, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

from app import metrics as counting
from app.extensions import db
from app.services.figures import Figures, read_figures
from app.web import current
from app.web.access import public
from app.web.problems import give_up_transaction, retry_headers

if TYPE_CHECKING:
    from prometheus_client.core import Metric

logger = logging.getLogger(__name__)
metrics = Blueprint("metrics", __name__)

#: What the database says is as old as this at most; for longer where reading it takes long.
FIGURES_KEPT_SECONDS: Final = 10.0
#: Of its time, a process never spends more than one part in so many on reading figures.
PARTS_OF_TIME: Final = 20
#: For whatever matches no route: a path is a stranger's word, and there is no end to them.
NO_ROUTE: Final = "none"


@metrics.get("/metrics")
@public
def show() -> ResponseReturnValue:
    """Write everything in Prometheus' text format."""
    if current_app.config["METRICS_TOKEN"] is None:
        abort(404)
    if not _knows_the_token(current_app.config["METRICS_TOKEN"]):
        return _plain("This page takes METRICS_TOKEN.\n", 401, {"WWW-Authenticate": "Bearer"})
    if not counting.switch_on():
        return _plain("The folder of the metrics cannot be used.\n", 503, retry_headers(503))
    reading: Reading = current_app.extensions["reading"]
    text, content_type = counting.written(_Families(reading.figures()))
    return Response(text, content_type=content_type)


class Reading:
    """What the database said last, and until when that is good enough."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._figures: Figures | None = None
        self._good_until = 0.0

    def figures(self) -> Figures | None:
        """Return the figures; None where the database did not answer when it was last asked."""
        # Whoever comes while another one asks takes what there is, if there is any: nobody queues.
        if time.monotonic() >= self._good_until and self._lock.acquire(blocking=not self._good_until):
            try:
                started = time.monotonic()
                if started >= self._good_until:
                    self._figures = _figures()
                    took = time.monotonic() - started
                    self._good_until = started + max(FIGURES_KEPT_SECONDS, took * PARTS_OF_TIME)
            finally:
                self._lock.release()
        return self._figures


class _Families:
    """The figures as Prometheus' library wants to collect them."""

    def __init__(self, figures: Figures | None) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield each with its one label, or with none."""
        figures = self._figures
        yield _gauge("database_up", "Whether the database answered.", figures is not None)
        if figures is None:
            return
        yield _gauges("tokens", "Tokens by status.", "status", dict(figures.tokens))
        yield _gauges("token_rows", "Rows by the key that they are sealed under.", "key", dict(figures.rows))
        yield _gauge(
            "key_loaded",
            "Whether TOKEN_ENCRYPTION_SECRET goes with the database, so that tokens can be saved.",
            figures.key_is_loaded,
        )
        yield _gauge(
            "rotation_unfinished",
            "Whether a rotation was started that has not ended.",
            figures.rotation_is_unfinished,
        )
        for name, what, moment in (
            ("rotation_ended", "When a rotation last ended.", figures.rotation_ended_at),
            ("audit_verified", "When the ledger was last verified unharmed.", figures.audit_verified_at),
        ):
            if moment is not None:
                yield _moment(name, what, moment)


def init_app(app: Flask) -> None:
    """Count requests and connections, where anybody may read what was counted."""
    if app.config["METRICS_TOKEN"] is None:
        return
    app.extensions["reading"] = Reading()
    app.before_request(_begin)
    app.after_request(_count)
    with app.app_context():
        _watch_pool(db.engine)


def _begin() -> None:
    counting.switch_on()


def _count(response: Response) -> Response:
    started = request.environ.get("request_started")
    route = request.url_rule.rule if request.url_rule else NO_ROUTE
    seconds = time.monotonic() - started if started is not None else 0.0
    counting.count_request(route, request.method, response.status_code, seconds)
    return response


def _watch_pool(engine: Engine) -> None:
    """Note how many connections are in use, whenever one is taken or given back."""
    if not isinstance(engine.pool, QueuePool):
        return

    def note(given_back: int) -> None:
        # As it is now: a pool that was disposed of has another in its place.
        pool: Any = engine.pool
        counting.note_connections(pool.checkedout() - given_back, pool.size() + pool._max_overflow)

    def taken(*_: Any) -> None:
        note(0)

    def given_back(*_: Any) -> None:
        # The pool counts it as taken until its listeners have returned.
        note(1)

    event.listen(engine, "checkout", taken)
    event.listen(engine, "checkin", given_back)


def _knows_the_token(token: str) -> bool:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    is_bearer = scheme.lower() == "bearer"
    return hmac.compare_digest(shown.strip().encode(errors="surrogatepass"), token.encode()) and is_bearer


def _figures() -> Figures | None:
    try:
        return read_figures(current.keys())
    except Exception as error:
        give_up_transaction()
        logger.warning("The database told no figures.", extra={"reason": type(error).__name__})
        return None


def _gauge(name: str, what: str, value: bool) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"mcp_market_{name}", what, float(value))


def _gauges(name: str, what: str, label: str, values: dict[str, int]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"mcp_market_{name}", what, labels=(label,))
    for word, value in values.items():
        family.add_metric((word,), value)
    return family


def _moment(name: str, what: str, moment: datetime) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"mcp_market_{name}_timestamp_seconds", what, moment.timestamp())


def _plain(text: str, status: int, headers: dict[str, str]) -> Response:
    return Response(text, status, headers, content_type="text/plain; charset=utf-8")
