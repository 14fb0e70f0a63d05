"""Audit export: every event as lines of CSV or JSON, in constant memory, recorded itself."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from app.extensions import db
from app.models import AuditEvent
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.ledger import SEALED

FORMATS: Final = ("csv", "jsonl")
BATCH_SIZE: Final = 2000
COLUMNS: Final = (*SEALED, "seal", "seal_key")
#: What spreadsheets take for the beginning of a formula (OWASP, CSV injection).
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def export_events(form: str, actor: Actor) -> Iterator[str]:
    """Yield every event up to now as text, the oldest first. Commits, before the first line, one audit row.

    No transaction is open between two batches, however slowly they are fetched.
    """
    record(Action.AUDIT_EXPORTED, actor, outcome=form)
    db.session.commit()
    newest = db.session.scalar(select(AuditEvent.id).order_by(AuditEvent.id.desc()).limit(1)) or 0
    db.session.rollback()
    return _lines(form, newest)


def _lines(form: str, newest: int) -> Iterator[str]:
    if form == "csv":
        yield _csv_line(COLUMNS)
    after = 0
    while True:
        columns = [getattr(AuditEvent, name) for name in COLUMNS]
        statement = select(*columns).where(AuditEvent.id > after, AuditEvent.id <= newest)
        rows = db.session.execute(statement.order_by(AuditEvent.id).limit(BATCH_SIZE)).all()
        db.session.rollback()
        if not rows:
            return
        after = rows[-1].id
        yield "".join(_line(form, dict(row._mapping)) for row in rows)


def _line(form: str, row: Mapping[str, Any]) -> str:
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
    if form == "jsonl":
        return json.dumps(plain) + "\n"
    return _csv_line([_cell(value) for value in plain.values()])


def _csv_line(cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> Any:
    """Return a cell that is one line and no formula."""
    if isinstance(value, dict):
        return json.dumps(value)
    if not isinstance(value, str):
        return value
    # One event, one line, whatever a name holds.
    text = value.encode("unicode_escape").decode("ascii") if not value.isprintable() else value
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
