"""1. Resolve: read one saved token, and open it where nothing keeps it from being sent.

Ours is what every use does between finding its server and recording itself (`app.services.saved_tokens`), in
the transaction that the use has open anyway. Floor: select by person and server on a held connection of the
raw driver, and decrypt. Beside it the same in a transaction of its own, and a whole use with its audit row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import sqlalchemy as sa

from app.extensions import db
from app.models import Server
from app.services.saved_tokens import open_row, saved_row
from app.services.uses import begin_use
from tests.benchmarks.harness import Contest
from tests.benchmarks.sites import FIRST_SERVER, Site

WANTED = {"sqlite": 3.5, "postgresql": 2.2}
RECORDED = {"sqlite": 6.5, "postgresql": 2.6}
#: What ContextForge and Airflow take, by their published figures: 17 times the floor. Ours has to be 4 times
#: as fast as that.
PEERS = 17 / 4
TIMES = 60


def contests(site: Site, stack: ExitStack) -> Iterator[Contest]:
    """Yield what is measured."""
    stack.enter_context(site.app.app_context())
    person = site.person()
    # As a number: asked of an object, a rolled back session would look it up anew.
    person_id = person.id
    address = db.session.scalars(sa.select(Server.url).where(Server.id == FIRST_SERVER)).one()
    fernet = site.fernet
    raw = site.connect()
    stack.callback(raw.close)
    query = (
        "SELECT token_encrypted FROM mcp_auth_tokens "
        f"WHERE user_id = {site.mark} AND mcp_server_id = {site.mark}"
    )

    def ours() -> None:
        row = saved_row(person_id, FIRST_SERVER)
        assert row is not None
        open_row(row, address, site.keys)

    def alone() -> None:
        ours()
        db.session.rollback()

    def floor() -> None:
        fernet.decrypt(raw.execute(query, (person_id, FIRST_SERVER)).fetchone()[0])

    def use() -> None:
        begin_use(person, FIRST_SERVER, None, "call_tool", site.door)

    least, recorded = site.timed(floor, TIMES), RECORDED[site.name]
    bounds = {"1 resolve a saved token": WANTED[site.name]}
    if site.name == "sqlite":
        bounds["1 resolve, ¼ of ContextForge and Airflow"] = PEERS
    # Whatever else was going on in the session.
    db.session.rollback()
    for name, at_most in bounds.items():
        yield Contest(
            name, "µs", site.timed(ours, TIMES), least, at_most=at_most, recorded=recorded, rounds=25
        )
    db.session.rollback()
    yield Contest("  … in a transaction of its own", "µs", site.timed(alone, TIMES), least)
    yield Contest("  … a whole use, its audit row committed", "µs", site.timed(use, 5), least, rounds=9)
