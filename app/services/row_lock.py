"""Row lock: a row as it is now, which nobody else changes until the transaction ends."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import select, update

from app.extensions import Model, db

Row = TypeVar("Row", bound=Model)


def lock_row(model: type[Row], row_id: int, *, shared: bool = False) -> Row | None:
    """Return the row with this id, None when there is none. `shared`: others may hold it so as well.

    Whoever wants to change or delete it waits for the end of this transaction, and then sees what it did.
    """
    table: Any = model
    if db.engine.dialect.name == "sqlite":
        # It knows no row locks, but lets nobody else write after the first write, of nothing new too.
        same = update(model).where(table.id == row_id).values(id=row_id)
        db.session.execute(same.execution_options(synchronize_session=False))
    statement = select(model).where(table.id == row_id).execution_options(populate_existing=True)
    # Without `shared` it still lets others refer to the row, as new tokens and sessions do.
    return db.session.scalar(statement.with_for_update(read=shared, key_share=not shared))
