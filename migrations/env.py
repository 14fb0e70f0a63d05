"""How Alembic runs here. Imports no app code: the database comes from Flask-Migrate.

Differs from the stock file where that one loses data or stays half-done:

- SQLite: foreign keys are off while a migration runs. `batch_alter_table` drops and rebuilds a table, and
  with them on, the drop would cascade and delete every token, with exit 0. The pragma is a no-op inside a
  transaction, so it is set before, and everything is checked before the commit.
- SQLite: a migration is one transaction. The driver would commit before each DDL statement, and a revision
  that raised half-way would leave its tables behind.
- Two upgrades at once both end well: the second waits, then finds nothing to do.
- PostgreSQL: a migration that cannot have a table gives up instead of holding up those who use it.
- No `fileConfig`, which silences the app's loggers when called in-process.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, event, text

database = current_app.extensions["migrate"].db
#: Any number that no other program uses as an advisory lock on this database.
LOCK_ID = 4_207_101_126


def configure(**options: Any) -> None:
    """Configure the context the same way online and offline."""
    ours = {"target_metadata": database.metadata, "transactional_ddl": True}
    # Flask-Migrate's own defaults compare types and write batch operations.
    context.configure(**{**current_app.extensions["migrate"].configure_args, **ours, **options})


def run_offline() -> None:
    """Print SQL for the configured database."""
    configure(url=database.engine.url.render_as_string(hide_password=False), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Migrate the configured database in one transaction."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            run_on_sqlite(connection)
        else:
            configure(connection=connection)
            with context.begin_transaction():
                # However long the other upgrade takes, which holds the lock.
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": LOCK_ID})
                # But for no table: while it waits for one, whoever comes to that table waits behind it.
                connection.execute(text("SET LOCAL lock_timeout = '10s'"))
                context.run_migrations()


def run_on_sqlite(connection: Connection) -> None:
    """Migrate with foreign keys off, in one write transaction, checked before it commits."""
    driver: Any = connection.connection.driver_connection
    before = driver.isolation_level
    driver.execute("PRAGMA foreign_keys = OFF")
    # The driver stops managing transactions; SQLAlchemy's begin then takes the write lock at once.
    driver.isolation_level = None
    event.listen(connection, "begin", begin_immediate)
    try:
        configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RuntimeError(f"{len(broken)} rows would point nowhere; nothing was changed")
    finally:
        event.remove(connection, "begin", begin_immediate)
        driver.isolation_level = before
        driver.execute("PRAGMA foreign_keys = ON")


def begin_immediate(connection: Connection) -> None:
    """Take the write lock now: a read lock cannot be upgraded when another process writes meanwhile."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


if context.is_offline_mode():
    run_offline()
else:
    run_online()
