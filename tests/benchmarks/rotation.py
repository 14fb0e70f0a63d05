"""5. Rotation: rows a second against the cryptography alone; twice the rows; and memory that does not grow.

Floor: Fernet decrypts and encrypts each text in memory, with no database at all. Beside it the same written
back by the raw driver in batches, with no checks, no counts and no compare-and-swap.
"""

from __future__ import annotations

import secrets
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

from app import clock
from app.crypto.keyring import ITERATIONS, derive_key
from app.crypto.vault import Place
from app.extensions import db
from app.models import Installation, Token, User
from app.services.keys import Keys, Secrets
from app.services.rotation import BATCH_SIZE, rotate_tokens
from tests.benchmarks.harness import Contest
from tests.benchmarks.sites import Site, add_servers, site_on
from tests.endurance.many_tokens import token_text
from tests.factories import ACTOR

WANTED = {"sqlite": 0.8, "postgresql": 0.45}
RECORDED = {"sqlite": 0.38, "postgresql": 0.15}
ROWS = 4000
MEMORY_LIMIT_MB = 60.0


def contests(site: Site, stack: ExitStack) -> Iterator[Contest]:
    """Yield what is measured."""
    half_site = stack.enter_context(site_on(site.name, is_durable=site.is_durable))
    full, half = (stack.enter_context(closing(Turning(one))) for one in (site, half_site))
    full.fill(ROWS)
    half.fill(ROWS // 2)
    yield Contest(
        "5 rotate, against the cryptography alone",
        "µs a row",
        full.rotate,
        full.crypto,
        at_least=WANTED[site.name],
        recorded=RECORDED[site.name],
        rounds=7,
    )
    yield Contest("  … against raw decrypt, encrypt, update", "µs a row", full.rotate, full.floor, rounds=5)
    yield Contest(
        f"5 rotate {ROWS:,} rows, against {ROWS // 2:,}",
        "ms",
        lambda: full.rotate() * full.rows / 1e3,
        lambda: half.rotate() * half.rows / 1e3,
        at_most=2.2,
        rounds=5,
    )
    yield Contest(
        f"5 memory of rotating {ROWS:,} rows, {ROWS // 2:,}",
        "MB",
        full.memory,
        half.memory,
        at_most=1.25,
        limit=MEMORY_LIMIT_MB,
        rounds=1,
    )


class Turning:
    """Rotates the same rows again and again, each time under a new key. Figures: microseconds a row."""

    def __init__(self, site: Site) -> None:
        self.app = site.app
        self.clock = site.clock
        self.raw: Any = site.connect()
        self.begin = "BEGIN IMMEDIATE" if site.name == "sqlite" else "BEGIN"
        self.mark = site.mark
        self.rows = 0
        self.secret: str = site.app.config["TOKEN_ENCRYPTION_SECRET"]
        with self.app.app_context():
            self.salt = bytes.fromhex(db.session.scalars(sa.select(Installation.key_salt)).one())

    def close(self) -> None:
        """Close the driver's connection."""
        self.raw.close()

    def fill(self, rows: int) -> None:
        """Bring the table to so many rows."""
        with self.app.app_context():
            people = db.session.scalars(sa.select(User.id)).all()
            had = db.session.scalar(sa.select(sa.func.count()).select_from(Token)) or 0
            servers = add_servers((rows - had) // len(people), f"more-than-{had}")
            seal = Keys(Secrets(self.secret)).vault_for_sealing().seal
            now = clock.now()
            new = []
            for user_id in people:
                for server_id, url in servers:
                    sealed = seal(token_text(len(new)), Place(user_id, server_id, url))
                    row = {"user_id": user_id, "mcp_server_id": server_id, "bound_url": url}
                    row |= {"token_encrypted": sealed.text, "key_id": sealed.key_id}
                    new.append(row | {"created_at": now, "updated_at": now})
            db.session.execute(sa.insert(Token), new)
            db.session.commit()
            self.rows = had + len(new)

    def rotate(self) -> float:
        """Rotate by the service."""
        new = secrets.token_urlsafe(32)
        keys = Keys(Secrets(new, (self.secret,)))
        with self.app.app_context():
            # Derived beforehand: once a key and process, whatever the number of rows.
            keys.vault_for_sealing()
            db.session.rollback()
            started = self.clock()
            report = rotate_tokens(keys, ACTOR)
            took = self._per_row(started)
        assert report.rows_left == 0
        self.secret = new
        return took

    def memory(self) -> float:
        """Rotate; return the peak of what Python allocated, in MB."""
        tracemalloc.start()
        try:
            self.rotate()
            return tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()

    def crypto(self) -> float:
        """Decrypt and encrypt as many texts, in memory."""
        fernet = self._fernet()
        texts = [row[0] for row in self.raw.execute("SELECT token_encrypted FROM mcp_auth_tokens").fetchall()]
        started = self.clock()
        for text in texts:
            fernet.encrypt(fernet.decrypt(text))
        return self._per_row(started)

    def floor(self) -> float:
        """Decrypt, encrypt and write back by the raw driver."""
        fernet = self._fernet()
        select = (
            f"SELECT id, token_encrypted FROM mcp_auth_tokens WHERE id > {self.mark} "
            f"ORDER BY id LIMIT {BATCH_SIZE}"
        )
        change = f"UPDATE mcp_auth_tokens SET token_encrypted = {self.mark} WHERE id = {self.mark}"
        after = 0
        started = self.clock()
        while rows := self.raw.execute(select, (after,)).fetchall():
            fresh = [(fernet.encrypt(fernet.decrypt(text)).decode(), row_id) for row_id, text in rows]
            self.raw.execute(self.begin)
            self.raw.cursor().executemany(change, fresh)
            self.raw.execute("COMMIT")
            after = rows[-1][0]
        return self._per_row(started)

    def _fernet(self) -> Fernet:
        return derive_key(self.secret, salt=self.salt, iterations=ITERATIONS).fernet

    def _per_row(self, started: float) -> float:
        return (self.clock() - started) * 1e6 / self.rows
