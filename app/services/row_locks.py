"""Row locks: a row as it is now, which nobody else changes until the transaction ends; on SQLite too."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import select, update

from app.extensions import Model, db

Row = TypeVar("Row", bound=Model)


def lock_row(
    model: type[Row], row_id: int, *, shared: bool = False, for_deletion: bool = False
) -> Row | None:
    """Return the row with this id as it is now, locked; None when there is none. Before anything is written.

    `shared`: others may lock it so too, and nobody changes it. `for_deletion`: nothing that refers to it is
    added meanwhile either; without it, new tokens and sessions of a person do not wait.
    """
    table: Any = model
    queue_writers(model, row_id)
    statement = select(model).where(table.id == row_id).execution_options(populate_existing=True)
    return db.session.scalar(statement.with_for_update(read=shared, key_share=not (shared or for_deletion)))


def queue_writers(model: Any, row_id: int) -> None:
    """On SQLite, let nobody else write until the transaction ends. PostgreSQL locks rows: `with_for_update`.

    SQLite knows no row locks, but lets nobody else write after the first write, of nothing new too.
    """
    if db.engine.dialect.name == "sqlite":
        same = update(model).where(model.id == row_id).values(id=row_id)
        db.session.execute(same.execution_options(synchronize_session=False))
