"""Rows changed: how many rows a statement has met. Of two who do the same at once, it tells which one did."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Delete, Update

from app.extensions import db


def rows_changed(statement: Update | Delete) -> int:
    """Run the statement in the current transaction and return how many rows it met; the caller commits."""
    # The session's types promise less than every UPDATE and DELETE gives.
    result: Any = db.session.execute(statement)
    return int(result.rowcount)
