"""Ways into the ledger that nobody has: its guards taken off, its table shut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.extensions import db


@contextmanager
def without_guards() -> Iterator[None]:
    """Let somebody in who may drop triggers."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(db.text("ALTER TABLE audit_events DISABLE TRIGGER USER"))
        yield
        db.session.execute(db.text("ALTER TABLE audit_events ENABLE TRIGGER USER"))
    else:
        for name in ("append_only", "no_delete"):
            db.session.execute(db.text(f"DROP TRIGGER audit_events_{name}"))
        yield
    db.session.commit()


@contextmanager
def shut() -> Iterator[None]:
    """Make the table unwritable."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(db.text("ALTER TABLE audit_events ADD CONSTRAINT shut CHECK (false) NOT VALID"))
        end = "ALTER TABLE audit_events DROP CONSTRAINT shut"
    else:
        body = "BEGIN SELECT RAISE(ABORT, 'no more'); END"
        db.session.execute(db.text(f"CREATE TRIGGER shut BEFORE INSERT ON audit_events {body}"))
        end = "DROP TRIGGER shut"
    db.session.commit()
    yield
    db.session.rollback()
    db.session.execute(db.text(end))
    db.session.commit()
