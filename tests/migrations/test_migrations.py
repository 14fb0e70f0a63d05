"""Migrations: with data, up and down, twice at once, half-way, and never at the cost of a token."""

from __future__ import annotations

import ast
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from flask import Flask

from app import clock
from app.extensions import db
from app.services.audit import Action, record
from app.services.oddities import oddities_of
from tests.checkout import ROOT
from tests.factories import ACTOR, make_group, make_server, make_token, make_user

TABLES = {
    "0001_accounts": {"users", "login_sessions", "password_resets"},
    "0002_catalogue": {"mcp_servers"},
    "0003_encryption_keys": {"installation", "encryption_keys", "sealed_subkeys"},
    "0004_audit_events": {"audit_events"},
    # Sets that are empty: the tokens stood there once, and databases do too; or columns were added.
    "0005_mcp_auth_tokens": set(),
    "0006_sign_in_protection": {
        "failure_counts",
        "known_browsers",
        "totp_enrolments",
        "recovery_codes",
        "pending_sign_ins",
    },
    "0007_mcp_auth_tokens": set(),
    "0007_ledger": {"audit_chains"},
    "0008_mcp_auth_tokens": set(),
    "0008_storing": set(),
    "0009_mcp_auth_tokens": set(),
    "0010_groups": {"groups", "group_members", "server_groups"},
    "0011_mcp_auth_tokens": set(),
    "0012_indexes": set(),
    "0012_odd_events": {"odd_events"},
    "0013_mcp_auth_tokens": {"mcp_auth_tokens"},
}
LAST = list(TABLES)[-1]
#: Columns that the first tables of tokens did not have.
LATER_COLUMNS = ("stated_expires_at", "reminded_days", "held_at", "last_check_reason", "renew_asked_at")
#: Indexes that not all of the former tables had.
LATER_INDEXES = (
    "idx_mcp_auth_tokens_address",
    "idx_mcp_auth_tokens_check",
    "idx_mcp_auth_tokens_unreadable",
    "idx_mcp_auth_tokens_expires",
)
#: Revisions that were the last one once, each with the columns of the tokens that it did not have yet.
FORMER_ENDS = {
    "0005_mcp_auth_tokens": LATER_COLUMNS,
    "0007_mcp_auth_tokens": LATER_COLUMNS,
    "0008_mcp_auth_tokens": LATER_COLUMNS,
    "0009_mcp_auth_tokens": ("renew_asked_at",),
    "0011_mcp_auth_tokens": (),
}


def tables_at(end: str) -> set[str]:
    """Return what a database at a former end has: the tables up to there, and the tokens."""
    revisions = list(TABLES)
    return set().union(*(TABLES[name] for name in revisions[: revisions.index(end)])) | {"mcp_auth_tokens"}


def rename_table(name: str, other: str) -> None:
    db.session.execute(db.text(f"ALTER TABLE {name} RENAME TO {other}"))
    db.session.commit()
    db.session.remove()


def tables() -> set[str]:
    found = set(db.inspect(db.engine).get_table_names()) - {"alembic_version"}
    db.session.remove()
    return found


def counts() -> dict[str, int]:
    found = {
        table: db.session.execute(db.text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - ours
        for table in sorted(tables())
    }
    db.session.remove()
    return found


@pytest.fixture
def migrated(bare_app: Flask) -> Iterator[Flask]:
    with bare_app.app_context():
        flask_migrate.upgrade()
        yield bare_app


def test_up_down_and_up_again_leaves_what_the_models_say(migrated: Flask) -> None:
    flask_migrate.check()
    flask_migrate.downgrade(revision="base")
    assert tables() == set()

    flask_migrate.upgrade()

    flask_migrate.check()
    assert tables() == set().union(*TABLES.values())


def test_each_step_keeps_the_rows_of_the_tables_it_does_not_drop(
    migrated: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOW_TOKEN_LOSS", "1")
    make_token(make_user(), make_server())
    db.session.remove()
    before = counts()

    for revision in reversed(TABLES):
        flask_migrate.downgrade()
        for table in TABLES[revision]:
            del before[table]
        assert counts() == before, revision
    flask_migrate.upgrade()

    assert set(counts().values()) == {0}


def test_one_step_down_takes_the_tokens_alone(migrated: Flask) -> None:
    flask_migrate.downgrade()

    assert tables() == set().union(*TABLES.values()) - {"mcp_auth_tokens"}


@pytest.mark.parametrize("end", FORMER_ENDS)
def test_a_database_from_a_former_end_keeps_its_rows_on_the_way_up_and_refuses_to_lose_them(
    migrated: Flask, end: str
) -> None:
    make_token(make_user(), make_server())
    db.session.remove()
    # What stands between is taken back, with the tokens out of the way of steps that look for them.
    flask_migrate.stamp(revision=list(TABLES)[-2])
    rename_table("mcp_auth_tokens", "aside")
    flask_migrate.downgrade(revision=end)
    rename_table("aside", "mcp_auth_tokens")
    for index in LATER_INDEXES if end < "0011" else ():
        db.session.execute(db.text(f"DROP INDEX {index}"))
    for column in FORMER_ENDS[end]:
        db.session.execute(db.text(f"ALTER TABLE mcp_auth_tokens DROP COLUMN {column}"))
    db.session.commit()
    assert tables() == tables_at(end)
    before = counts()

    with pytest.raises(SystemExit):
        flask_migrate.downgrade()
    assert counts() == before
    flask_migrate.upgrade()

    flask_migrate.check()
    assert {table: count for table, count in counts().items() if table in before} == before
    assert {index["name"] for index in db.inspect(db.engine).get_indexes("mcp_auth_tokens")} >= set(
        LATER_INDEXES
    )


def test_without_groups_no_server_is_opened_to_everyone(migrated: Flask) -> None:
    make_server("Open")
    make_server("Nobody's", for_everyone=False)
    # With a reason, the next import might enable it.
    make_server("Imported", for_everyone=False, is_enabled=False, disabled_reason="It needs two secrets.")
    make_group("Team", servers=[make_server("Team's")])
    db.session.remove()

    flask_migrate.downgrade(revision="0009_mcp_auth_tokens")

    rows = db.session.execute(db.text("SELECT name, is_enabled, disabled_reason FROM mcp_servers"))
    assert {name: (bool(is_enabled), reason) for name, is_enabled, reason in rows} == {
        "Open": (True, None),
        "Nobody's": (False, None),
        "Imported": (False, None),
        "Team's": (False, None),
    }


def test_what_was_odd_of_late_is_still_there_to_be_looked_at(migrated: Flask, time_machine: Any) -> None:
    now = clock.now()
    ann, bob = make_user(), make_user("bob@example.com")
    flask_migrate.downgrade(revision="0010_groups")

    def at(days: float, action: Action, user_id: int = ann.id, **details: str | int) -> int:
        time_machine.move_to(now - timedelta(days=days), tick=False)
        # There is no table to note it in, which hinders nobody.
        event_id = record(action, ACTOR, subject_user_id=user_id, details=details)
        db.session.commit()
        return event_id

    at(15, Action.TOKEN_UNREADABLE)
    dismissed = at(10, Action.TOKEN_UNREADABLE)
    at(9, Action.NOTICE_DISMISSED, notice="unreadable", event=dismissed)
    unreadable = at(8, Action.TOKEN_UNREADABLE)
    at(8, Action.NOTICE_DISMISSED, notice="failed_sign_ins", event=unreadable)
    at(7, Action.TOKEN_UNREADABLE, user_id=999)
    # The fifth within a day, and a sixth; then four, and a fifth a day after the first of them.
    failed = [at(6 - number / 10, Action.SIGN_IN_FAILED) for number in range(6)]
    for number in range(5):
        at(3 - number / 4, Action.SIGN_IN_LIMITED)
    for _ in range(4):
        at(1, Action.SIGN_IN_FAILED, user_id=bob.id)
    time_machine.move_to(now)
    db.session.remove()

    flask_migrate.upgrade()

    statement = "SELECT kind, event_id, subject_user_id FROM odd_events ORDER BY id"
    assert [tuple(row) for row in db.session.execute(db.text(statement))] == [
        ("unreadable", unreadable, ann.id),
        ("failed_sign_ins", failed[4], ann.id),
    ]
    assert {one.occurred_at for one in oddities_of(ann)} == {
        now - timedelta(days=8),
        now - timedelta(days=5.6),
    }


@pytest.mark.parametrize("revision", ["-1", "base", "0002_catalogue"])
def test_a_downgrade_that_would_drop_saved_tokens_refuses_and_changes_nothing(
    migrated: Flask, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], revision: str
) -> None:
    user = make_user()
    for name in ("one", "two"):
        make_token(user, make_server(name))
    db.session.remove()
    before = counts()

    with pytest.raises(SystemExit) as caught:
        flask_migrate.downgrade(revision=revision)

    said = caplog.text + "".join(capsys.readouterr())
    assert caught.value.code == 1
    assert "2 saved token" in said
    assert "ALLOW_TOKEN_LOSS=1" in said
    assert counts() == before


def test_rebuilding_a_parent_table_deletes_no_token_and_keeps_the_trigger(
    migrated: Flask, tmp_path: Path
) -> None:
    make_token(make_user(), make_server())
    db.session.remove()
    body = """
        with op.batch_alter_table("users", recreate="auto") as table:
            table.alter_column("display_name", type_=sa.String(120))
        with op.batch_alter_table("mcp_servers") as table:
            table.alter_column("name", type_=sa.String(220))
    """

    with_revision(migrated, tmp_path, body)

    assert counts()["mcp_auth_tokens"] == 1
    db.session.execute(db.text("UPDATE mcp_auth_tokens SET token_encrypted = 'x'"))
    moved = db.session.execute(db.text("SELECT updated_at > created_at FROM mcp_auth_tokens")).scalar_one()
    assert moved
    db.session.execute(db.text("DELETE FROM users"))
    assert db.session.execute(db.text("SELECT count(*) FROM mcp_auth_tokens")).scalar_one() == 0


def test_a_revision_that_fails_half_way_leaves_nothing_and_runs_again(
    migrated: Flask, tmp_path: Path
) -> None:
    before = tables()
    half = 'op.create_table("half", sa.Column("id", sa.Integer()))\n'

    with pytest.raises(SystemExit):
        with_revision(migrated, tmp_path, half + 'raise RuntimeError("half-way")')
    assert tables() == before
    with_revision(migrated, tmp_path, half)

    assert tables() == before | {"half"}


# PostgreSQL checks foreign keys by itself.
@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
def test_a_revision_that_leaves_orphans_is_undone(migrated: Flask, tmp_path: Path) -> None:
    make_token(make_user(), make_server())
    db.session.remove()

    with pytest.raises(SystemExit):
        with_revision(migrated, tmp_path, 'op.execute("DELETE FROM users")')

    assert counts()["users"] == 1


def with_revision(app: Flask, folder: Path, body: str) -> None:
    """Upgrade through one more revision with this body, from a copy of the migrations."""
    copy = folder / "migrations"
    if not copy.exists():
        copy.mkdir()
        (copy / "versions").mkdir()
        for path in [*(ROOT / "migrations").glob("*.*"), *(ROOT / "migrations/versions").glob("*.py")]:
            (copy / path.relative_to(ROOT / "migrations")).write_text(path.read_text())
    head = f'revision = "9999_next"\ndown_revision = "{LAST}"\n'
    imports = "import sqlalchemy as sa\nfrom alembic import op\n"
    lines = textwrap.indent(textwrap.dedent(body), "    ")
    (copy / "versions" / "9999_next.py").write_text(f"{imports}{head}\ndef upgrade():\n{lines}\n")
    flask_migrate.upgrade(directory=str(copy))


def test_two_upgrades_at_once_both_end_well(bare_app: Flask, empty_url: str, tmp_path: Path) -> None:
    environment = os.environ | {
        "APP_ENV": "development",
        "DATABASE_URL": empty_url,
        "INSTANCE_PATH": str(tmp_path / "instance"),
        "LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-W", "error", "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    started = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(3)
    ]

    ended = [(process.communicate()[0], process.returncode) for process in started]

    assert [code for _, code in ended] == [0, 0, 0], ended
    with bare_app.app_context():
        assert tables() == set().union(*TABLES.values())


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
def test_a_migration_gives_up_before_those_queue_who_serve(bare_app: Flask, tmp_path: Path) -> None:
    with bare_app.app_context():
        flask_migrate.upgrade()
        with pytest.raises(ValueError, match="waits for tables: 10s"):
            with_revision(
                bare_app,
                tmp_path,
                """
                waits = op.get_bind().scalar(sa.text("SHOW lock_timeout"))
                raise ValueError(f"waits for tables: {waits}")
                """,
            )


def test_migrating_in_process_silences_no_logger(bare_app: Flask) -> None:
    logger = logging.getLogger("app.services.uses")

    with bare_app.app_context():
        flask_migrate.upgrade()

    assert not logger.disabled
    assert logging.getLogger().handlers


def test_sql_can_be_printed_without_a_database(bare_app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    with bare_app.app_context():
        flask_migrate.upgrade(sql=True)

    printed = capsys.readouterr().out
    assert "CREATE TABLE mcp_auth_tokens" in printed
    assert "CREATE TRIGGER update_mcp_auth_tokens_timestamp" in printed


def test_migrations_import_no_app_code() -> None:
    paths = [ROOT / "migrations" / "env.py", *(ROOT / "migrations" / "versions").glob("*.py")]
    assert len(paths) > len(TABLES)
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] in {"app", "config"} for name in names), path


def test_there_is_one_head_and_every_table_is_listed_here() -> None:
    script = ScriptDirectory(str(ROOT / "migrations"))

    assert len(script.get_heads()) == 1
    assert {revision.revision for revision in script.walk_revisions()} == set(TABLES)
