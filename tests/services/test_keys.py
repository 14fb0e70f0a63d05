"""Keys: which secrets may seal over the data that is there, and that nothing is ever mixed."""

from __future__ import annotations

import secrets
import threading

import pytest
from flask import Flask

from app.errors import KeyNotLoadedError
from app.extensions import db
from app.models import EncryptionKey, Installation
from app.services.keys import Keys, Secrets

FIRST, SECOND = secrets.token_urlsafe(32), secrets.token_urlsafe(32)


def key_ids() -> list[str]:
    return sorted(db.session.scalars(db.select(EncryptionKey.id)))


def test_the_first_save_admits_the_key_and_later_ones_find_it(app: Flask) -> None:
    with app.app_context():
        Keys(Secrets(FIRST)).vault_for_sealing()
        admitted = key_ids()

        Keys(Secrets(FIRST)).vault_for_sealing()

        assert key_ids() == admitted
        assert len(admitted) == 1
        assert db.session.query(Installation).count() == 1


def test_a_wrong_secret_writes_nothing_and_says_which_setting(app: Flask) -> None:
    with app.app_context():
        Keys(Secrets(FIRST)).vault_for_sealing()
        before = key_ids()

        wrong = Keys(Secrets(SECOND))

        with pytest.raises(KeyNotLoadedError):
            wrong.vault_for_sealing()
        assert key_ids() == before
        assert "TOKEN_ENCRYPTION_SECRET" in (wrong.problem() or "")
        assert SECOND not in (wrong.problem() or "")


def test_a_new_secret_seals_once_the_old_one_is_listed_for_reading(app: Flask) -> None:
    with app.app_context():
        Keys(Secrets(FIRST)).vault_for_sealing()

        both = Keys(Secrets(SECOND, (FIRST,)))
        both.vault_for_sealing()

        assert both.problem() is None
        assert len(key_ids()) == 2


def test_asking_for_problems_of_an_empty_database_writes_nothing(app: Flask) -> None:
    with app.app_context():
        assert Keys(Secrets(FIRST)).problem() is None
        assert db.session.query(Installation).count() == 0


def test_two_processes_with_different_secrets_never_both_seal(app: Flask) -> None:
    outcomes: list[bool] = []
    ready = threading.Barrier(6)

    def start(secret: str) -> None:
        with app.app_context():
            ready.wait()
            try:
                Keys(Secrets(secret)).vault_for_sealing()
                outcomes.append(True)
            except KeyNotLoadedError:
                outcomes.append(False)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=start, args=(secret,)) for secret in [FIRST, SECOND] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with app.app_context():
        assert len(key_ids()) == 1
    assert outcomes.count(True) == 3
