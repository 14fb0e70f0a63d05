"""Rotation lock: one rotation at a time, and none that is stale after a kill.

Both locks belong to something that the operating system ends with the process: a connection, an open file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, text

from app.errors import RotationRunningError

#: Any number that no other program uses as an advisory lock on this database.
LOCK_ID: Final = 4_207_101_127


@contextmanager
def only_one(engine: Engine) -> Iterator[None]:
    """Hold the lock while the block runs. Raises RotationRunningError at once when another one holds it."""
    if engine.dialect.name == "postgresql":
        with _advisory_lock(engine):
            yield
    else:
        with _file_lock(Path(f"{engine.url.database}.rotation-lock")):
            yield


@contextmanager
def _advisory_lock(engine: Engine) -> Iterator[None]:
    # A connection of its own, outside any transaction, so that nothing is held open but the lock.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:id)"), {"id": LOCK_ID}).scalar_one():
            raise RotationRunningError
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:id)"), {"id": LOCK_ID})


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    # Not on Windows, where SQLite is for trials alone.
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RotationRunningError from None
        yield
    finally:
        # The file stays: removing it could take the lock from under one that just opened it.
        os.close(descriptor)
