"""Events: what a row of the ledger costs, with its chain and seal, against a bare row. Shown, not judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from app.extensions import db
from app.services.audit import Action, record
from tests.benchmarks.harness import Contest
from tests.benchmarks.save import NOW
from tests.benchmarks.sites import Site
from tests.factories import ACTOR

COLUMNS = "occurred_at, action, outcome, actor_name, client_address, agent, request_id, details, chain, place"
TIMES = 10


def contests(site: Site, stack: ExitStack) -> Iterator[Contest]:
    """Yield what is measured."""
    stack.enter_context(site.app.app_context())
    raw = site.connect()
    stack.callback(raw.close)
    raw.execute("CREATE TABLE bare AS SELECT * FROM audit_events WHERE false")
    insert = f"INSERT INTO bare ({COLUMNS}) VALUES ({', '.join([site.mark] * 10)})"
    row = (NOW, "server.changed", "ok", "tests", "192.0.2.1", "Firefox", "x", "{}", 0, 0)

    def ours() -> None:
        record(Action.SERVER_CHANGED, ACTOR)
        db.session.commit()

    db.session.rollback()
    # Each statement is a transaction of its own here.
    floor = site.timed(lambda: raw.execute(insert, row), TIMES)
    yield Contest(
        "  … an event of the ledger, against a bare row", "µs", site.timed(ours, TIMES), floor, rounds=9
    )
