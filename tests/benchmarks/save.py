"""2. Save: seal, write and record one token, in one commit; and the same through HTTP, against reading of it.

Floor: by the raw driver, at the same durability, what has to be written whoever writes it: Fernet, one
upsert, one event at the end of its chain (four statements, an HMAC), one commit. Beside it a bare upsert
with nothing recorded, which nothing that keeps a ledger can come near.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

from app.extensions import db
from app.services.tokens import NewToken, save_token
from tests.benchmarks.harness import Contest
from tests.benchmarks.sites import FIRST_SERVER, Site
from tests.endurance.many_tokens import token_text
from tests.factories import ACTOR

TIMES = 5
RECORDED = {"sqlite": 14.0, "postgresql": 5.0}
RECORDED_POST = {"sqlite": 3.2, "postgresql": 4.8}
COLUMNS = "user_id, mcp_server_id, token_encrypted, token_hint, key_id, bound_url, created_at, updated_at"
EVENT = (
    "occurred_at, action, outcome, actor_name, subject_user_id, server_id, server_name, server_host, "
    "client_address, agent, request_id, details, chain, place"
)
NOW = "2030-01-01 00:00:00.000000+00:00"


def contests(site: Site, stack: ExitStack) -> Iterator[Contest]:
    """Yield what is measured."""
    stack.enter_context(site.app.app_context())
    person = site.person()
    numbers = count()
    raw = Raw(site)
    stack.callback(raw.connection.close)
    path = f"/api/mcp-servers/{FIRST_SERVER}/auth-token"
    client = site.client

    def ours() -> None:
        new = NewToken(token_text(next(numbers)))
        save_token(person, FIRST_SERVER, new, keys=site.keys, actor=ACTOR)

    def post() -> None:
        assert client.post(path, json={"token": token_text(next(numbers))}).status_code == 200

    def get() -> None:
        assert client.get(path).status_code == 200

    db.session.rollback()
    yield Contest(
        "2 save a token, recorded",
        "µs",
        site.timed(ours, TIMES),
        site.timed(lambda: raw.save(token_text(next(numbers)), is_recorded=True), TIMES),
        at_most=2.0,
        recorded=RECORDED[site.name],
        rounds=25,
    )
    yield Contest(
        "  … against an upsert without a record",
        "µs",
        site.timed(ours, TIMES),
        site.timed(lambda: raw.save(token_text(next(numbers)), is_recorded=False), TIMES),
    )
    yield Contest(
        "2 POST a token, against GET of it",
        "µs",
        site.timed(post, TIMES),
        site.timed(get, TIMES),
        at_most=1.6,
        recorded=RECORDED_POST[site.name],
        rounds=25,
    )


class Raw:
    """Saves by the raw driver, for a person of its own chain of events."""

    def __init__(self, site: Site) -> None:
        self.connection: Any = site.connect()
        self.fernet = site.fernet
        self.begin = "BEGIN IMMEDIATE" if site.name == "sqlite" else "BEGIN"
        mark = site.mark
        marks = ", ".join([mark] * 8)
        self.upsert = (
            f"INSERT INTO mcp_auth_tokens ({COLUMNS}) VALUES ({marks}) "
            "ON CONFLICT (user_id, mcp_server_id) DO UPDATE SET token_encrypted = excluded.token_encrypted, "
            "token_hint = excluded.token_hint, updated_at = excluded.updated_at, "
            "revision = mcp_auth_tokens.revision + 1 RETURNING revision"
        )
        self.longer = (
            f"UPDATE audit_chains SET length = length + 1 WHERE chain = {mark} RETURNING length, last_seal"
        )
        marks = ", ".join([mark] * 14)
        self.event = f"INSERT INTO audit_events ({EVENT}) VALUES ({marks}) RETURNING id"
        self.sealed = f"UPDATE audit_events SET seal = {mark}, seal_key = {mark} WHERE id = {mark}"
        self.ended = f"UPDATE audit_chains SET last_seal = {mark} WHERE chain = {mark}"
        # A chain that nothing else writes to, so that none of its seals is ever looked at.
        self.chain = 999_999
        add = f"INSERT INTO audit_chains (chain, length, last_seal) VALUES ({self.chain}, 0, '')"
        self.connection.execute(add)

    def save(self, text: str, *, is_recorded: bool) -> None:
        """Save over the second person's token for the last server, which nobody else touches."""
        run = self.connection.execute
        sealed = self.fernet.encrypt(text.encode()).decode()
        row = (2, FIRST_SERVER + 1, sealed, text[-4:], "0" * 16, "https://example.com", NOW, NOW)
        run(self.begin)
        run(self.upsert, row).fetchone()
        if is_recorded:
            self._record()
        run("COMMIT")

    def _record(self) -> None:
        run = self.connection.execute
        place, before = run(self.longer, (self.chain,)).fetchone()
        whom = (NOW, "token.replaced", "ok", "tests", self.chain, FIRST_SERVER, "server 1", "example.com")
        event = (*whom, "192.0.2.1", "Firefox on Linux", "x" * 16, "{}", self.chain, place)
        (row_id,) = run(self.event, event).fetchone()
        seal = hmac.new(b"floor", f"{before}{event}{row_id}".encode(), hashlib.sha256).hexdigest()
        run(self.sealed, (seal, "0" * 16, row_id))
        run(self.ended, (seal, self.chain))
