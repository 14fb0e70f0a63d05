"""Row locks: a row as it is now, which nobody else changes until the transaction ends; on SQLite too."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import Select, Update, bindparam, select, text, update

from app.extensions import Model, db

#: Any number that no other program uses as an advisory lock on this database; `rotation_lock` has another.
IMPORT_LOCK_ID: Final = 4_207_101_128

Row = TypeVar("Row", bound=Model)


def lock_row(
    model: type[Row], row_id: int, *, shared: bool = False, for_deletion: bool = False
) -> Row | None:
    """Return the row with this id as it is now, locked; None when there is none. Before anything is written.

    `shared`: others may lock it so too, and nobody changes it. `for_deletion`: nothing that refers to it is
    added meanwhile either; without it, new tokens and sessions of a person do not wait.
    """
    queue_writers(model, row_id)
    statement = _locked(model, shared, not (shared or for_deletion))
    row: Row | None = db.session.scalar(statement, {"row_id": row_id})
    return row


def queue_writers(model: Any, row_id: int) -> None:
    """On SQLite, let nobody else write until the transaction ends. PostgreSQL locks rows: `with_for_update`.

    SQLite knows no row locks, but lets nobody else write after the first write, of nothing new too.
    """
    if db.engine.dialect.name == "sqlite":
        db.session.connection().execute(_same(model), {"row_id": row_id})


@cache
def _locked(model: Any, shared: bool, key_share: bool) -> Select[Any]:
    one = select(model).where(model.id == bindparam("row_id")).execution_options(populate_existing=True)
    return one.with_for_update(read=shared, key_share=key_share)


@cache
def _same(model: Any) -> Update:
    return update(model).where(model.id == bindparam("row_id")).values(id=bindparam("row_id"))


def queue_imports() -> None:
    """On PostgreSQL, let no other import begin until the transaction ends. On SQLite `queue_writers` does.

    Locks on the rows there are do not keep two imports from adding the same new one.
    """
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": IMPORT_LOCK_ID})
