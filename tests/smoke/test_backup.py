"""The backup of docs/deployment.md: restored elsewhere it works with the secret, and is of no use without."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app import create_app
from app.errors import KeyNotLoadedError
from app.extensions import db
from app.models import Token
from app.services import accounts
from app.services.audit_verify import read_head, take_head, verify_ledger
from app.services.key_status import verify_tokens
from app.services.keys import Keys, Secrets
from app.services.rotation import rotate_tokens
from app.services.tokens import NewToken, save_token
from tests import databases
from tests.checkout import ROOT
from tests.endurance.many_tokens import plaintexts
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.pages import PageClient

GUIDE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
SQLITE = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))"
DUMP = "pg_dump --format=custom --no-owner --file"
RESTORE = "pg_restore --no-owner --exit-on-error --single-transaction --dbname"
SECRET = secrets.token_urlsafe(32)
TEXTS = [f"tok_{number}_Zk3v9Qm7Lw2Xr8Ty5" for number in range(5)]


def of_libpq(url: str) -> str:
    """Return the address as PostgreSQL's own programs take it."""
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def back_up(url: str, folder: Path) -> Path:
    """Back up as the guide says, while the site serves; return the file."""
    copy = folder / "backup.db"
    if url.startswith("sqlite:///"):
        run([sys.executable, "-c", SQLITE, url.removeprefix("sqlite:///"), str(copy)])
    else:
        if shutil.which("pg_dump") is None:
            databases.skip_or_fail("pg_dump is not installed")
        run([*shlex.split(DUMP), str(copy), of_libpq(url)])
    return copy


def run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def restored(app: Flask, database_url: str, tmp_path: Path) -> Iterator[str]:
    """Return the address of a new database with what was backed up; afterwards the first one went on."""
    app.extensions["keys"] = Keys(Secrets(SECRET))
    with app.app_context():
        ann = make_user()
        for number, text in enumerate(TEXTS):
            make_token(ann, make_server(f"Server {number}"), text)
        (tmp_path / "head.json").write_text(take_head().as_json())
        db.session.remove()
    copy = back_up(database_url, tmp_path)
    with app.app_context():
        rotate_tokens(Keys(Secrets(secrets.token_urlsafe(32), (SECRET,))), ACTOR)
        db.session.execute(db.delete(Token))
        db.session.commit()
        db.session.remove()
    if database_url.startswith("sqlite:///"):
        yield f"sqlite:///{copy}"
        return
    with databases.postgresql_database() as url:
        run([*shlex.split(RESTORE), of_libpq(url), str(copy)])
        yield url


def site_with(secret: str, url: str) -> Flask:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url, "TOKEN_ENCRYPTION_SECRET": secret})
    app.test_client_class = PageClient
    return app


def test_the_guide_says_what_is_tried_here() -> None:
    for words in (SQLITE, DUMP, RESTORE):
        assert words in GUIDE


def test_a_backup_and_its_secret_are_the_site_of_that_moment(restored: str, tmp_path: Path) -> None:
    site = site_with(SECRET, restored)

    client = site.test_client()
    assert isinstance(client, PageClient)
    client.sign_in("ann@example.com", PASSWORD)
    ready = client.get("/readyz").status_code
    with site.app_context():
        keys = site.extensions["keys"]
        texts = plaintexts(keys.vault_for_reading())
        head = read_head((tmp_path / "head.json").read_text())
        fault = verify_ledger(site.extensions["audit_key"], head).fault
        # Ids and triggers came along: the next one is saved, and the ledger goes on.
        ann = accounts.find_user("ann@example.com")
        assert ann is not None
        saved = save_token(
            ann, make_server("Another").id, NewToken("tok_new_Zk3v9Qm7Lw2"), keys=keys, actor=ACTOR
        )
        with pytest.raises(sa.exc.DBAPIError):
            db.session.execute(sa.text("DELETE FROM audit_events"))
        db.session.rollback()
        after = verify_ledger(site.extensions["audit_key"], head).fault
    databases.dispose(site)

    assert ready == 200
    assert texts == TEXTS
    assert saved is not None
    assert (fault, after) == (None, None)


def test_a_backup_without_its_secret_opens_nothing(restored: str) -> None:
    site = site_with(secrets.token_urlsafe(32), restored)

    client = site.test_client()
    assert isinstance(client, PageClient)
    client.sign_in("ann@example.com", PASSWORD)
    ready = client.get("/readyz").status_code
    page = client.get("/settings/tokens").status_code
    with site.app_context():
        keys = site.extensions["keys"]
        found = verify_tokens(keys)
        with pytest.raises(KeyNotLoadedError):
            plaintexts(keys.vault_for_reading())
    databases.dispose(site)

    assert (ready, page) == (503, 200)
    assert (found.readable, found.unreadable, len(found.not_loaded)) == (0, [], len(TEXTS))
    assert not [text for text in TEXTS if text in databases.contents(restored)]
