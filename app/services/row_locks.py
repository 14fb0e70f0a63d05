"""Row locks, on a database that has none."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from app.extensions import db


def queue_writers(model: Any, row_id: int) -> None:
    """On SQLite, let nobody else write until the transaction ends. PostgreSQL locks rows: `with_for_update`.

    SQLite knows no row locks, but lets nobody else write after the first write, of nothing new too.
    """
    if db.engine.dialect.name == "sqlite":
        same = update(model).where(model.id == row_id).values(id=row_id)
        db.session.execute(same.execution_options(synchronize_session=False))
