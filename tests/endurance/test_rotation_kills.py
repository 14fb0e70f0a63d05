"""A rotation that is killed at a random moment, again and again, loses nothing and needs no repair.

CI kills it 12 times a database; `ROTATION_KILLS=200` is the long form.
"""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import time
from pathlib import Path

from flask import Flask

from app.errors import RotationRunningError
from app.services.keys import Keys, Secrets
from app.services.rotation import RotationReport, rotate_tokens, rows_by_key
from tests.checkout import ROOT
from tests.endurance.many_tokens import add_tokens, plaintexts, token_text
from tests.factories import ACTOR

KILLS = int(os.environ.get("ROTATION_KILLS", "12"))
ROWS = 1000
BATCH = 10


def start_rotation(url: str, folder: Path, new: str, old: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "APP_ENV": "development",
        "DATABASE_URL": url,
        "INSTANCE_PATH": str(folder),
        "SECRET_KEY": secrets.token_urlsafe(32),
        "TOKEN_ENCRYPTION_SECRET": new,
        "TOKEN_ENCRYPTION_PREVIOUS_SECRETS": old,
        "LOG_LEVEL": "error",
    }
    words = ["-m", "flask", "--app", "wsgi", "tokens", "rotate", "--batch-size", str(BATCH)]
    return subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )


def kill_at_random(process: subprocess.Popen[str], dice: random.Random) -> int:
    """Kill the rotation some batches after its start, or just as it begins; return its exit code."""
    assert process.stderr is not None
    for _ in range(dice.randrange(ROWS // BATCH)):
        if not process.stderr.readline():
            break
    process.kill()
    process.stderr.close()
    return process.wait()


def rotate_again(keys: Keys) -> RotationReport:
    """Rotate as soon as PostgreSQL has noticed that the killed one's connection is gone."""
    for _ in range(100):
        try:
            return rotate_tokens(keys, ACTOR)
        except RotationRunningError:
            time.sleep(0.05)
    raise AssertionError("a killed rotation left its lock behind")


def test_no_kill_costs_a_token_and_a_second_run_finishes(
    app: Flask, database_url: str, tmp_path: Path
) -> None:
    dice = random.Random(20261123)  # noqa: S311 - moments, not secrets
    old = secrets.token_urlsafe(32)
    expected = [token_text(number) for number in range(ROWS)]
    with app.app_context():
        add_tokens(Keys(Secrets(old)).vault_for_sealing(), ROWS)
    killed_midway = 0

    for _ in range(KILLS):
        new = secrets.token_urlsafe(32)
        code = kill_at_random(start_rotation(database_url, tmp_path, new, old), dice)
        with app.app_context():
            keys = Keys(Secrets(new, (old,)))
            killed_midway += code < 0 and len(rows_by_key()) > 1
            assert plaintexts(keys.vault_for_reading()) == expected
            report = rotate_again(keys)
            assert (report.unreadable, report.changed_meanwhile, report.rows_left) == (0, 0, 0)
            assert plaintexts(Keys(Secrets(new)).vault_for_reading()) == expected
        old = new

    # The dice are loaded so that most kills strike between two batches: a test of nothing would show here.
    assert killed_midway > KILLS // 2
