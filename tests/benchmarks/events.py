"""What an event of the ledger costs, against a bare row in the same run: `python -m tests.benchmarks.events`.

The floor writes the same columns with the raw driver, one commit an event, without chain and seal. Both go in
turn; medians. The verification of the same events is timed besides.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import psycopg

from app import create_app
from app.extensions import db
from app.services.audit import Action, record
from app.services.audit_verify import verify_ledger
from tests import databases
from tests.factories import ACTOR

ROUNDS = 5
EVENTS = 300
COLUMNS = "occurred_at, action, outcome, actor_name, client_address, agent, request_id, details, chain, place"


def floor(url: str, number: int) -> float:
    """Write bare rows; return seconds."""
    if url.startswith("sqlite"):
        connection: Any = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("PRAGMA synchronous = FULL")
        mark = "?"
    else:
        connection = psycopg.connect(url.replace("+psycopg", ""))
        mark = "%s"
    insert = f"INSERT INTO bare ({COLUMNS}) VALUES ({', '.join([mark] * 10)})"  # noqa: S608
    row = ("2030-01-01 00:00:00+00", "server.changed", "ok", "tests", "192.0.2.1", "Firefox", "x", "{}", 0)
    started = time.perf_counter()
    for place in range(EVENTS):
        connection.execute(insert, (*row, number * EVENTS + place))
        connection.commit()
    took = time.perf_counter() - started
    connection.close()
    return took


def ours() -> float:
    """Record events; return seconds."""
    started = time.perf_counter()
    for _ in range(EVENTS):
        record(Action.SERVER_CHANGED, ACTOR)
        db.session.commit()
    return time.perf_counter() - started


def measure(url: str) -> dict[str, float]:
    """Return milliseconds an event of ours and of the floor, and events verified a second."""
    databases.migrate(url)
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url, "LOG_LEVEL": "ERROR"})
    with app.app_context():
        app.extensions["audit_key"].prepare()
        db.session.execute(db.text("CREATE TABLE bare AS SELECT * FROM audit_events"))
        db.session.commit()
        times = [(ours(), floor(url, number)) for number in range(ROUNDS)]
        started = time.perf_counter()
        verdict = verify_ledger(app.extensions["audit_key"])
        verified = verdict.events / (time.perf_counter() - started)
    assert verdict.fault is None
    databases.dispose(app)
    per_event = [statistics.median(column) * 1000 / EVENTS for column in zip(*times, strict=True)]
    return {"ours_ms": per_event[0], "floor_ms": per_event[1], "verified_per_second": verified}


def main() -> None:
    """Measure on each database that is there, and print a table and JSON."""
    found: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found["sqlite"] = measure(f"sqlite:///{folder / 'bench.db'}")
        if databases.POSTGRESQL_URL:
            found["postgresql"] = measure(stack.enter_context(databases.postgresql_database()))
    click.echo(f"{'an event, ms':<18}{'ours':>10}{'floor':>10}{'verified/s':>12}")
    for name, figures in found.items():
        click.echo(
            f"{name:<18}" + "{ours_ms:>10.2f}{floor_ms:>10.2f}{verified_per_second:>12,.0f}".format(**figures)
        )
    click.echo(json.dumps(found))


if __name__ == "__main__":
    main()
