"""What Admin → Tokens costs beside others of admins: `python -m tests.benchmarks.matrix [PEOPLE SERVERS]`.

Everybody holds a token for every server, in all states; the pages are fetched in turn, as one admin; medians
in milliseconds. It takes minutes and a gigabyte with the 5,000 people and 200 servers that it has by default.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import click
import sqlalchemy as sa

from app import clock, create_app
from app.extensions import db
from app.models import Server, Token, User
from app.services.token_status import STATUSES
from tests import databases
from tests.factories import PASSWORD, make_user

ROUNDS = 9
OTHERS = ("/admin/users", "/admin/servers")
STATES = ("", "attention", *STATUSES[1:])
PATHS = (
    *OTHERS,
    *(f"/admin/tokens?status={status}" for status in STATES),
    *(f"/admin/tokens?{chosen}=7{more}" for chosen in ("person", "server") for more in ("", "&status=none")),
)


def fill(people: int, servers: int) -> None:
    """Make the people, the servers, and a token for each pair, in one statement."""
    now = clock.now()
    person = {"display_name": "p", "password_hash": "-", "role": "user", "is_active": True, "created_at": now}
    names = [f"p{number * 7919 % people:06}@example.com" for number in range(people)]
    db.session.execute(sa.insert(User), [person | {"email": name} for name in names])
    for number in range(servers):
        url, name = f"https://mcp-{number}.services.example.com/mcp", f"Server {number * 7 % servers:04}"
        server = Server(
            slug=f"s{number}", name=name, url=url, extra_headers={}, created_at=now, updated_at=now
        )
        db.session.add(server)
    db.session.flush()
    # As good as random, and the same on both databases.
    lot = (User.id * 7919 + Server.id * 104_729) % 1009
    columns = {
        "user_id": User.id,
        "mcp_server_id": Server.id,
        "token_encrypted": sa.literal("x" * 260, sa.Text),
        "token_hint": sa.literal("...a1b2", sa.String),
        "key_id": sa.literal("0" * 16, sa.String),
        "bound_url": sa.case((Server.id % 100 == 5, "https://before.example.com/mcp"), else_=Server.url),
        "revision": sa.literal(1),
        "created_at": sa.literal(now, Token.created_at.type),
        "updated_at": sa.literal(now, Token.updated_at.type),
        "expires_at": sa.case(
            *(
                (lot % 20 == day, sa.literal(now + timedelta(days=day * 30 - 45), Token.expires_at.type))
                for day in (1, 2)
            ),
            (lot % 50 == 3, sa.literal(now + timedelta(days=9), Token.expires_at.type)),
        ),
        "last_check_result": sa.case(
            (lot < 500, "accepted"), (lot < 505, "rejected"), (lot < 600, "not_proven")
        ),
        "unreadable_at": sa.case((lot == 777, sa.literal(now, Token.unreadable_at.type))),
    }
    rows = sa.select(*columns.values()).select_from(User).join(Server, sa.true())
    db.session.execute(sa.insert(Token).from_select(list(columns), rows))
    db.session.commit()


def measure(url: str, people: int, servers: int) -> dict[str, float]:
    """Return path → milliseconds."""
    databases.migrate(url)
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url, "LOG_LEVEL": "ERROR"})
    with app.app_context():
        fill(people, servers)
        make_user("admin@example.com", admin=True)
        if url.startswith("postgresql"):
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("VACUUM ANALYZE"))
        db.session.remove()
    client = app.test_client()
    token = client.post("/api/session", json={"email": "admin@example.com", "password": PASSWORD})
    assert token.status_code == 200
    times: dict[str, list[float]] = {path: [] for path in PATHS}
    for _ in range(ROUNDS):
        for path in PATHS:
            started = time.perf_counter()
            assert client.get(path).status_code == 200
            times[path].append((time.perf_counter() - started) * 1000)
    databases.dispose(app)
    return {path: statistics.median(found) for path, found in times.items()}


def main() -> None:
    """Measure on each database that is there, and print a table and JSON."""
    people, servers = (int(word) for word in (sys.argv[1:] or ("5000", "200")))
    found: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found["sqlite"] = measure(f"sqlite:///{folder / 'bench.db'}", people, servers)
        if databases.POSTGRESQL_URL:
            url = stack.enter_context(databases.postgresql_database())
            found["postgresql"] = measure(url, people, servers)
    click.echo(f"{'a page, ms':<40}" + "".join(f"{name:>12}" for name in found))
    for path in PATHS:
        click.echo(f"{path:<40}" + "".join(f"{figures[path]:>12.1f}" for figures in found.values()))
    click.echo(json.dumps(found))


if __name__ == "__main__":
    main()
