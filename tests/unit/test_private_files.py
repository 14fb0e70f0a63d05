"""Files: what the app makes is its owner's alone, whatever the umask."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app import create_app
from app.extensions import db
from config import SettingError
from tests import databases
from tests.checkout import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")


def modes_below(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder.parent)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in [folder, *folder.rglob("*")]
    }


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_an_upgrade_makes_a_folder_and_files_for_their_owner_alone(tmp_path: Path, umask: int) -> None:
    instance = tmp_path / "instance"
    environment = os.environ | {
        "APP_ENV": "development",
        "INSTANCE_PATH": str(instance),
        "LOG_LEVEL": "error",
    }
    environment.pop("DATABASE_URL", None)

    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"],
        cwd=ROOT,
        env=environment,
        umask=umask,
        check=True,
        capture_output=True,
    )

    modes = modes_below(instance)
    assert modes.pop("instance") == "0o700"
    assert {"instance/mcp_market.db", "instance/secret_key.txt"} <= modes.keys()
    assert set(modes.values()) == {"0o600"}


def test_a_folder_and_a_file_that_stood_open_are_shut_and_so_is_what_sqlite_puts_beside_it(
    tmp_path: Path, sqlite_template: Path
) -> None:
    instance = tmp_path / "instance"
    instance.mkdir(mode=0o755)
    instance.chmod(0o755)
    path = instance / "market.db"
    path.write_bytes(sqlite_template.read_bytes())
    path.chmod(0o644)

    app = create_app(
        {"TESTING": True, "INSTANCE_PATH": str(instance), "SQLALCHEMY_DATABASE_URI": f"sqlite:///{path}"}
    )
    with app.app_context():
        db.session.execute(db.text("DELETE FROM users"))
        db.session.commit()
        modes = modes_below(instance)
    databases.dispose(app)

    assert modes.pop("instance") == "0o700"
    assert {"instance/market.db", "instance/market.db-wal", "instance/market.db-shm"} <= modes.keys()
    assert set(modes.values()) == {"0o600"}


def test_production_refuses_flasks_own_variable_for_debugging(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    good = {name: secrets.token_urlsafe(32) for name in ("SECRET_KEY", "TOKEN_ENCRYPTION_SECRET")}

    with pytest.raises(SettingError, match="DEBUG must not be on"):
        create_app({**good, "APP_ENV": "production", "INSTANCE_PATH": str(tmp_path / "instance")})
