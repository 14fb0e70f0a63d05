"""How fast a rotation is, against its floor in the same run: `python -m tests.benchmarks.rotation [ROWS]`.

The floor decrypts and encrypts each row and writes it back by the raw driver, one batched update a batch,
in one process, with nothing else: no checks, no counts, no compare-and-swap. Both go in turn; medians.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import psycopg
from cryptography.fernet import Fernet
from flask import Flask

from app import create_app
from app.crypto.keyring import ITERATIONS, derive_key
from app.extensions import db
from app.models import Installation
from app.services.keys import Keys, Secrets
from app.services.rotation import BATCH_SIZE, rotate_tokens
from tests import databases
from tests.endurance.many_tokens import add_tokens
from tests.factories import ACTOR

ROUNDS = 5


def floor(url: str, old: Fernet, new: Fernet) -> None:
    """Do the least that any rotation has to do."""
    if url.startswith("sqlite"):
        connection: Any = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("PRAGMA synchronous = FULL")
        mark = "?"
    else:
        connection = psycopg.connect(url.replace("+psycopg", ""))
        mark = "%s"
    select = (
        f"SELECT id, token_encrypted FROM mcp_auth_tokens WHERE id > {mark} ORDER BY id LIMIT {BATCH_SIZE}"  # noqa: S608
    )
    change = f"UPDATE mcp_auth_tokens SET token_encrypted = {mark} WHERE id = {mark}"  # noqa: S608
    after = 0
    while rows := connection.execute(select, (after,)).fetchall():
        fresh = [(new.encrypt(old.decrypt(text)).decode(), row_id) for row_id, text in rows]
        connection.cursor().executemany(change, fresh)
        connection.commit()
        after = rows[-1][0]
    connection.close()


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def measure(url: str, rows: int) -> dict[str, Any]:
    """Rotate by the service and by the floor in turn, and return rows per second of each."""
    databases.migrate(url)
    app: Flask = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url, "LOG_LEVEL": "ERROR"})
    current = secrets.token_urlsafe(32)
    ours, least = [], []
    with app.app_context():
        add_tokens(Keys(Secrets(current)).vault_for_sealing(), rows)
        salt = bytes.fromhex(db.session.scalars(db.select(Installation.key_salt)).one())
        db.session.rollback()
        for _ in range(ROUNDS):
            fernet = derive_key(current, salt=salt, iterations=ITERATIONS).fernet
            least.append(seconds(lambda fernet=fernet: floor(url, fernet, fernet)))
            new = secrets.token_urlsafe(32)
            keys = Keys(Secrets(new, (current,)))
            keys.vault_for_sealing()
            ours.append(seconds(lambda keys=keys: rotate_tokens(keys, ACTOR)))
            current = new
    databases.dispose(app)
    per_second = [rows / statistics.median(times) for times in (ours, least)]
    return {
        "rows": rows,
        "ours": per_second[0],
        "floor": per_second[1],
        "ratio": per_second[0] / per_second[1],
    }


def main(rows: int) -> None:
    """Measure on each database that is there, and print a table and JSON."""
    found: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found["sqlite"] = measure(f"sqlite:///{folder / 'bench.db'}", rows)
        if databases.POSTGRESQL_URL:
            url = stack.enter_context(databases.postgresql_database())
            found["postgresql"] = measure(url, rows)
    click.echo(f"{'rotation, rows/s':<18}{'ours':>10}{'floor':>10}{'ratio':>8}")
    for name, figures in found.items():
        click.echo(f"{name:<18}{figures['ours']:>10,.0f}{figures['floor']:>10,.0f}{figures['ratio']:>8.2f}")
    click.echo(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
