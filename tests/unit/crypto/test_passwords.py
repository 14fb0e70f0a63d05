"""Passwords: hashed at the cost that OWASP names, and verified as slowly for nobody as for somebody."""

from __future__ import annotations

import subprocess
import sys

from app.crypto.passwords import hash_password, verify_password
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
