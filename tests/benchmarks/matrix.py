"""Admin → Tokens beside another list of admins, with a token for each person and server. Only shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from app.services.token_status import STATUSES
from tests.benchmarks.harness import Contest
from tests.benchmarks.sites import Site
from tests.factories import PASSWORD, make_user

PEOPLE, SERVERS = 500, 100
FLOOR = "/admin/users"
STATES = ("", "attention", *STATUSES[1:])
PATHS = (
    *(f"/admin/tokens?status={status}" for status in STATES),
    *(f"/admin/tokens?{chosen}=7{more}" for chosen in ("person", "server") for more in ("", "&status=none")),
)


def contests(site: Site, stack: ExitStack) -> Iterator[Contest]:
    """Yield what is measured."""
    with site.app.app_context():
        db.session.execute(sa.delete(Token))
        db.session.execute(sa.delete(Server))
        # Of the servers, the seventh is looked at.
        restart = "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'mcp_servers'"
        if site.name == "postgresql":
            restart = "SELECT setval('mcp_servers_id_seq', 1, false)"
        db.session.execute(sa.text(restart))
        fill(PEOPLE, SERVERS)
        make_user("admin@example.com", admin=True)
        if site.name == "postgresql":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("VACUUM ANALYZE"))
    client = site.app.test_client()
    signed_in = client.post("/api/session", json={"email": "admin@example.com", "password": PASSWORD})
    assert signed_in.status_code == 200

    def get(path: str) -> None:
        assert client.get(path).status_code == 200

    floor = site.timed(partial(get, FLOOR), 1, 1e3)
    for path in PATHS:
        yield Contest(f"  {path}", "ms", site.timed(partial(get, path), 1, 1e3), floor, rounds=5)


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
