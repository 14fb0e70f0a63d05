"""The site that is loaded: one node as in production, with people, and MCP servers good, slow and dead."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import clock, create_app
from app.cli.acting import acting
from app.extensions import db
from app.models import Server, User
from app.services import made_up, made_up_events
from tests import databases
from tests.endurance.nodes import Node, running_nodes
from tests.faults.sites import silent_server
from tests.mcp_servers import good
from tests.mcp_servers.running import running

#: What the site holds: people, servers, tokens; and events.
AMOUNTS = made_up.Amounts(people=400, servers=100, tokens=400 * 50)
EVENTS = 50_000
WORKERS = 2


@dataclass(frozen=True)
class LoadedSite:
    """A node that runs. `good_id` answers, and slowly where it is asked to; `dead_id` never does."""

    node: Node
    password: str
    emails: list[str]
    good_id: int
    dead_id: int
    #: Of servers where everybody holds a made-up token, or may save one.
    other_ids: list[int]


@contextmanager
def loaded_site(folder: Path, redis_url: str = "") -> Iterator[LoadedSite]:
    """Fill a database and run a node on it until the block ends; on PostgreSQL where there is one."""
    with ExitStack() as stack:
        if databases.POSTGRESQL_URL:
            url = stack.enter_context(databases.postgresql_database())
        else:
            url = f"sqlite:///{folder / 'load.db'}"
        answering = stack.enter_context(running(good.demo()))
        dead = stack.enter_context(silent_server())
        secret, password = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        servers = {
            "Answering": answering.url,
            "Dead": f"http://{dead.host_port}/mcp",
        }
        emails, ids = _fill(url, secret, password, servers)
        settings = {
            "TOKEN_ENCRYPTION_SECRET": secret,
            "EGRESS_ALLOW": f"{answering.host_port} {dead.host_port}",
            "WEB_CONCURRENCY": str(WORKERS),
        }
        (node,) = stack.enter_context(running_nodes(folder, 1, url, redis_url, **settings))
        yield LoadedSite(node, password, emails, ids.pop("Answering"), ids.pop("Dead"), list(ids.values()))


def _fill(url: str, secret: str, password: str, servers: dict[str, str]) -> tuple[list[str], dict[str, int]]:
    """Return everybody's address, and name → id of the servers."""
    databases.migrate(url)
    app = create_app(
        {
            "TESTING": True,
            "SQLALCHEMY_DATABASE_URI": url,
            "LOG_LEVEL": "ERROR",
            "TOKEN_ENCRYPTION_SECRET": secret,
        }
    )
    with app.app_context():
        acting()
        made_up.add_people(AMOUNTS, password, lambda _rows: None)
        made_up.add_servers(AMOUNTS, lambda _rows: None)
        made_up.add_tokens(AMOUNTS, app.extensions["keys"], lambda _rows: None)
        made_up_events.add_events(EVENTS, lambda _rows: None)
        now = clock.now()
        for name, address in servers.items():
            server = Server(
                slug=name.lower(), name=name, url=address, extra_headers={}, created_at=now, updated_at=now
            )
            db.session.add(server)
        db.session.commit()
        emails = list(db.session.scalars(db.select(User.email).order_by(User.id)))
        ids: dict[str, int] = dict(
            db.session.execute(db.select(Server.name, Server.id).order_by(Server.id)).all()  # type: ignore[arg-type]
        )
    databases.dispose(app)
    return emails, ids
