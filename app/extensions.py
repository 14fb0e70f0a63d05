"""Flask extensions, unbound; `create_app` binds them to an app."""

from __future__ import annotations

import logging
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from flask_babel import Babel
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import MetaData, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase

logger = logging.getLogger(__name__)

SQLITE_PRAGMAS = (
    # Without it SQLite ignores ON DELETE CASCADE and leaves a deleted person's tokens behind.
    "PRAGMA foreign_keys = ON",
    # Readers never wait for the writer.
    "PRAGMA journal_mode = WAL",
    "PRAGMA busy_timeout = 5000",
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
def set_sqlite_pragmas(connection: Any, _record: Any) -> None:
    """Give each SQLite connection of this process the same guarantees that PostgreSQL has."""
    if isinstance(connection, sqlite3.Connection):
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()


@event.listens_for(Engine, "do_connect")
def keep_sqlite_file_private(dialect: Any, _record: Any, arguments: Any, _options: Any) -> None:
    """Give the file to its owner alone before SQLite makes it; its WAL takes the mode over from it."""
    path = str(arguments[0]) if dialect.name == "sqlite" and arguments else ""
    if not path or path == ":memory:" or path.startswith("file:"):
        return
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        if os.stat(path).st_mode & 0o077:
            os.chmod(path, 0o600)
    except OSError as error:
        # A missing folder or a file of somebody else: SQLite finds out by itself whether it can work.
        logger.warning("The database file could not be made private.", extra={"reason": type(error).__name__})
