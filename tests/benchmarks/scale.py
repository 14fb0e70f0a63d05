"""Whether pages grow with the database: `python -m tests.benchmarks.scale [PEOPLE SERVERS TOKENS EVENTS]`.

Every page and route that answers GET, in turn on a small database and on a large one, both made up by
`flask bench seed`, for an admin who holds as many tokens as fill a page on both. Medians; exit 1 where one
takes more than twice as long, with a quarter for noise.
"""

from __future__ import annotations

import json
import secrets
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import click
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from tests import databases

ROUNDS: Final = 7
WANTED: Final = 2.0
NOISE: Final = 1.25
#: People, servers, tokens, events.
SMALL: Final = (100, 60, 100 * 50, 10_000)
LARGE: Final = (10_000, 2_000, 1_000_000, 10_000_000)
NAMES: Final = ("people", "servers", "tokens", "events")
ARGUMENTS: Final = {"server_id": 3, "user_id": 2}
#: Files that hold the whole catalogue, and what has to be made first (a group, a link, an event to dismiss).
LEFT_OUT: Final = {"static", "admin.export_servers", "api_admin_import.export_servers", "auth.reset_password"}
#: Asked besides: what an auditor looks for, and the last page that a cursor leads to.
ASKED: Final = (
    *(
        "/admin/audit?kind=rotation",
        "/admin/audit?kind=token",
        "/admin/audit?person=7",
        "/admin/audit?server=3",
    ),
    *("/admin/audit?before=60", "/settings/activity?kind=totp", "/settings/tokens?q=service+0042"),
    *("/settings/tokens?status=attention", "/admin/tokens?status=rejected", "/admin/servers?q=0042"),
)


def seeded(url: str, amounts: tuple[int, ...]) -> FlaskClient:
    """Return the admin's client on a database filled so."""
    databases.migrate(url)
    app: Flask = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url, "LOG_LEVEL": "ERROR"})
    password = secrets.token_urlsafe(24)
    options = [word for name, count in zip(NAMES, amounts, strict=True) for word in (f"--{name}", str(count))]
    done = app.test_cli_runner().invoke(args=["bench", "seed", *options, "--password-stdin"], input=password)
    assert done.exit_code == 0, done.output
    _analyse(app)
    client = app.test_client()
    answer = client.post("/api/session", json={"email": "person-00001@example.com", "password": password})
    assert answer.status_code == 200, answer.text
    return client


def _analyse(app: Flask) -> None:
    """Let the planner know what autovacuum and `PRAGMA optimize` would have told it in time."""
    from app.extensions import db

    with app.app_context(), db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # SQLite's VACUUM is another thing, and nothing does it by itself.
        command = "VACUUM (ANALYZE)" if db.engine.dialect.name == "postgresql" else "ANALYZE"
        connection.exec_driver_sql(command)


def paths_of(app: Flask) -> list[str]:
    """Return a path of every route that answers GET and needs nothing else to be made."""
    adapter = app.url_map.bind("")
    return list(ASKED) + sorted(
        adapter.build(rule.endpoint, {name: ARGUMENTS[name] for name in rule.arguments})
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and rule.endpoint not in LEFT_OUT
        and rule.arguments <= ARGUMENTS.keys()
    )


def milliseconds(client: FlaskClient, path: str) -> float:
    started = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - started) * 1000
    assert answer.status_code < 400 or answer.status_code == 404, (path, answer.status_code)
    return took


def compare(small: FlaskClient, large: FlaskClient) -> list[dict[str, Any]]:
    """Return for each path the medians on both, and how many times longer the large one takes."""
    found = []
    for path in paths_of(small.application):
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            for client, taken in zip((small, large), times, strict=True):
                taken.append(milliseconds(client, path))
        on_small, on_large = (statistics.median(taken) for taken in times)
        found.append({"path": path, "small": on_small, "large": on_large, "ratio": on_large / on_small})
    return found


def show(name: str, rows: list[dict[str, Any]]) -> int:
    """Print what was found on one database, the worst first; return how many paths missed."""
    missed = 0
    click.echo(f"{name + ', ms':<60}{'small':>8}{'large':>8}{'ratio':>7}")
    for row in sorted(rows, key=lambda row: -row["ratio"]):
        is_missed = row["ratio"] > WANTED * NOISE
        missed += is_missed
        line = f"{row['path']:<60}{row['small']:>8.1f}{row['large']:>8.1f}{row['ratio']:>7.2f}"
        click.echo(line + ("  missed" if is_missed else ""))
    return missed


def main(amounts: tuple[int, ...]) -> int:
    """Measure on each database that is there, print tables and then JSON; return the exit status."""
    found: dict[str, list[dict[str, Any]]] = {}
    missed = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pairs = {"sqlite": [f"sqlite:///{folder / name}" for name in ("small.db", "large.db")]}
        if databases.POSTGRESQL_URL:
            pairs["postgresql"] = [stack.enter_context(databases.postgresql_database()) for _ in range(2)]
        for name, (small_url, large_url) in pairs.items():
            small, large = seeded(small_url, SMALL), seeded(large_url, amounts)
            found[name] = compare(small, large)
            for client in (small, large):
                databases.dispose(client.application)
            # As soon as it is known: the next database takes half an hour.
            missed += show(name, found[name])
    click.echo(json.dumps(found))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(tuple(int(word) for word in sys.argv[1:]) or LARGE))
