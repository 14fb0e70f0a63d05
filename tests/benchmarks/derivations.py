"""3. Derivations: how often a process derives a key, over saves, reads and pages. Counted, not timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from app.crypto import keyring
from app.services.tokens import NewToken, save_token
from app.services.uses import begin_use
from tests.benchmarks.harness import Contest
from tests.benchmarks.sites import FIRST_SERVER, Site, make_app
from tests.databases import dispose
from tests.endurance.many_tokens import token_text
from tests.factories import ACTOR


def contests(site: Site, stack: ExitStack) -> Iterator[Contest]:
    """Yield what is measured."""
    yield Contest(
        "3 derivations of a key in one process",
        "times",
        lambda: counted(site),
        lambda: 1.0,
        at_most=1.0,
        rounds=1,
    )


def counted(site: Site) -> float:
    """Return how many derivations two apps of one process make that use and save tokens."""
    made: list[Any] = []
    real = keyring.PBKDF2HMAC
    keyring._derive.cache_clear()
    keyring.PBKDF2HMAC = lambda **given: made.append(given) or real(**given)  # type: ignore[assignment, misc]
    try:
        for _ in range(2):
            app = make_app(site.url, TOKEN_ENCRYPTION_SECRET=site.app.config["TOKEN_ENCRYPTION_SECRET"])
            with app.app_context():
                door = replace(site.door, keys=app.extensions["keys"])
                for number in range(5):
                    begin_use(site.person(), FIRST_SERVER + number, None, "call_tool", door)
                    new = NewToken(token_text(number))
                    save_token(site.person(), FIRST_SERVER + number, new, keys=door.keys, actor=ACTOR)
            dispose(app)
    finally:
        keyring.PBKDF2HMAC = real  # type: ignore[misc]
    return float(len(made))
