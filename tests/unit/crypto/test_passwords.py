"""Passwords: hashed at the cost that OWASP names, and verified as slowly for nobody as for somebody."""

from __future__ import annotations

import subprocess
import sys

import pytest
from argon2 import PasswordHasher

from app.crypto import passwords
from app.crypto.passwords import hash_password, verify_password
from app.models.user import NO_PASSWORD
from tests.checkout import ROOT


def test_the_cost_is_the_one_that_owasp_names() -> None:
    # In a process of its own: this one hashes cheaply (tests/conftest.py).
    code = "from app.crypto.passwords import hash_password; print(hash_password('x'))"
    made = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert made.stdout.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_two_hashes_of_one_password_differ_and_both_match() -> None:
    first, second = hash_password("correct horse battery"), hash_password("correct horse battery")

    assert first != second
    assert verify_password(first, "correct horse battery")
    assert verify_password(second, "correct horse battery")
    assert not verify_password(first, "wrong horse battery")


def test_nobody_has_a_password_and_no_damaged_hash_opens() -> None:
    for password in ("", "nobody has this password", "\ud800", "\0"):
        assert not verify_password(None, password)
        assert not verify_password("$argon2id$v=19$m=8,t=1,p=1$damaged", password)


def test_who_has_no_password_is_compared_as_somebody_who_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    class CountingHasher(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            matches = hash.startswith("$argon2id$")  # type: ignore[arg-type]
            compared.extend([hash] if matches else [])
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_HASHER", CountingHasher(time_cost=1, memory_cost=8, parallelism=1))
    for kept in (None, "", NO_PASSWORD, "x", hash_password("correct horse battery")):
        compared.clear()
        for password in ("!", "", "wrong horse battery"):
            assert not verify_password(kept, password)
        assert len(compared) == 3, kept
