"""A replace that is killed at a random moment leaves the old token in force, or the new one: never neither.

CI kills it 6 times a database; `REPLACE_KILLS=200` is the long form.
"""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.extensions import db
from app.models import Token
from app.services import tokens
from app.services.keys import Keys, Secrets
from app.services.tokens import NewToken
from tests.checkout import ROOT
from tests.endurance.many_tokens import plaintexts, token_text
from tests.factories import ACTOR, make_server, make_user
from tests.mcp_servers.gate import Gate
from tests.mcp_servers.running import Running, running

KILLS = int(os.environ.get("REPLACE_KILLS", "6"))
#: Saves that are seen acknowledged before the kill, at most.
MOST_SAVES = 12


@pytest.fixture
def remote() -> Iterator[Running]:
    gate = Gate()
    gate.accepted = None
    with running(gate.asgi()) as server:
        yield server


def kill_while_replacing(environment: dict[str, str], words: list[str], dice: random.Random) -> int | None:
    """Start replacing, kill it at a random moment, and return the last number that was acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.endurance.replacing", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(dice.randrange(1, MOST_SAVES))]
    # Somewhere within the save that follows.
    timer = threading.Timer(dice.random() * 0.05, process.kill)
    timer.start()
    acknowledged += process.stdout.readlines()
    process.stdout.close()
    assert process.wait() < 0, "it ended by itself"
    timer.join()
    numbers = [int(line) for line in acknowledged if line.endswith("\n")]
    return numbers[-1] if numbers else None


def test_no_kill_costs_the_token_in_force(
    app: Flask, database_url: str, tmp_path: Path, remote: Running
) -> None:
    dice = random.Random(20261123)  # noqa: S311 - moments, not secrets
    secret = secrets.token_urlsafe(32)
    environment = os.environ | {
        "APP_ENV": "development",
        "DATABASE_URL": database_url,
        "INSTANCE_PATH": str(tmp_path),
        "TOKEN_ENCRYPTION_SECRET": secret,
        "EGRESS_ALLOW": remote.host_port,
        "LOG_LEVEL": "error",
    }
    app.extensions["keys"] = Keys(Secrets(secret))
    with app.app_context():
        keys = app.extensions["keys"]
        user, server = make_user(), make_server("Gate", url=remote.url)
        tokens.save_token(user, server.id, NewToken(token_text(0)), keys=keys, actor=ACTOR)
        db.session.remove()
    in_force = 0

    for _ in range(KILLS):
        words = [user.email, str(server.id), str(in_force + 1)]
        last = kill_while_replacing(environment, words, dice)
        with app.app_context():
            found = plaintexts(keys.vault_for_reading())
            revision = db.session.scalars(db.select(Token.revision)).one()
            db.session.remove()
        # Acknowledged, it is there; the next one may have been committed without being told.
        assert found in ([token_text(last or in_force)], [token_text((last or in_force) + 1)])
        in_force = revision - 1
        assert found == [token_text(in_force)]

    assert in_force > KILLS
