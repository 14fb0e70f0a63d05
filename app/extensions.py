"""Flask extensions, unbound; `create_app` binds them to an app."""

from __future__ import annotations

import logging
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from flask import has_request_context
from flask_babel import Babel
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import MetaData, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase

logger = logging.getLogger(__name__)

#: For a lock, or for a host that says nothing.
LOCK_WAIT_SECONDS = 5
#: The most that one statement of a page may take, and that a page may hold a transaction without a word.
#: Longer than anything of ours takes, shorter than anybody waits.
STATEMENT_SECONDS = 30
IDLE_IN_TRANSACTION_SECONDS = 60
#: SQLSTATE of PostgreSQL's read_only_sql_transaction.
READ_ONLY = "25006"
#: Files of SQLite that this process has opened.
_met: set[str] = set()
SQLITE_PRAGMAS = (
    # Without it SQLite ignores ON DELETE CASCADE and leaves a deleted person's tokens behind.
    "PRAGMA foreign_keys = ON",
    # Readers never wait for the writer.
    "PRAGMA journal_mode = WAL",
    f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000}",
    # An acknowledged save survives power loss.
    "PRAGMA synchronous = FULL",
    # A deleted token's page is overwritten, not merely unlinked.
    "PRAGMA secure_delete = ON",
)


class Base(DeclarativeBase):
    """Declarative base with names for every constraint, so that a migration can drop any of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    # Objects stay readable after a commit: reloading one would silently open a transaction, which
    # could then stay open while we wait for a remote server.
    session_options={"expire_on_commit": False},
)
migrate = Migrate()
login_manager = LoginManager()
csrf = CSRFProtect()
babel = Babel()

if TYPE_CHECKING:
    # Type checkers cannot see the class that Flask-SQLAlchemy builds at run time;
    # to them it is its declarative base. See docs/decisions/0006-models.md.
    Model = Base
else:
    Model = db.Model


@event.listens_for(Engine, "connect")
def set_up_connection(connection: Any, _record: Any) -> None:
    """Give each connection the same guarantees on both databases, and an end to waiting for locks."""
    if isinstance(connection, sqlite3.Connection):
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
    else:
        connection.execute(f"SET lock_timeout = {LOCK_WAIT_SECONDS * 1000}")
        # East of it, the last instants of the year 9999 would be none that Python knows.
        connection.execute("SET timezone = 'UTC'")
        if has_request_context():
            # Not for commands: a migration or a rotation takes the time that it takes.
            connection.execute(f"SET statement_timeout = {STATEMENT_SECONDS * 1000:.0f}")
            idle = IDLE_IN_TRANSACTION_SECONDS * 1000
            connection.execute(f"SET idle_in_transaction_session_timeout = {idle:.0f}")
        connection.commit()


@event.listens_for(Engine, "handle_error")
def start_anew(context: Any) -> None:
    """Give up connections of a database that was read-only: they would stay so when it is no more."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


@event.listens_for(Engine, "do_connect")
def prepare_to_connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> None:
    """Wait for no silent host; and make SQLite's file, once, for its owner alone."""
    if dialect.name == "postgresql":
        options.setdefault("connect_timeout", LOCK_WAIT_SECONDS)
        return
    path = str(arguments[0]) if arguments else ""
    if path and path != ":memory:" and not path.startswith("file:"):
        _keep_private(path)


def _keep_private(path: str) -> None:
    """See that the file is there and its owner's alone; its WAL takes the mode over from it.

    Raises sqlite3.OperationalError for one that was there and is gone, as when a volume is not mounted: an
    empty one in its place would be taken for it.
    """
    if path in _met and not os.path.exists(path):
        raise sqlite3.OperationalError("unable to open database file")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        _met.add(path)
        if os.stat(path).st_mode & 0o077:
            os.chmod(path, 0o600)
    except OSError as error:
        # A missing folder or a file of somebody else: SQLite finds out by itself whether it can work.
        logger.warning("The database file could not be made private.", extra={"reason": type(error).__name__})
