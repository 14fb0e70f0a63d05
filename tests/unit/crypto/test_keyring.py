"""Keyring: which secrets are admitted, and that nothing prints a key."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from app.crypto import keyring
from app.crypto.keyring import ITERATIONS, MIN_ITERATIONS, build_keyring, derive_key

SALT = b"0123456789abcdef"
OLD, NEW, STRANGE = (f"{name}-{secrets.token_urlsafe(32)}" for name in ("old", "new", "strange"))


@pytest.fixture(autouse=True)
def _real_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the suite derives at the least cost (tests/conftest.py)."""
    monkeypatch.setattr(keyring, "ITERATIONS", ITERATIONS)


def row_of(secret: str, iterations: int = ITERATIONS) -> keyring.KeyFacts:
    return derive_key(secret, salt=SALT, iterations=iterations).facts()


def test_the_first_secret_of_an_empty_installation_seals() -> None:
    ring = build_keyring([NEW], salt=SALT, rows=[])

    assert ring.current is not None
    assert ring.current.iterations == ITERATIONS
    assert ring.known_ids == frozenset()


def test_a_secret_that_opens_no_known_key_seals_nothing() -> None:
    ring = build_keyring([STRANGE], salt=SALT, rows=[row_of(OLD)])

    assert ring.current is None
    assert not ring.loaded


def test_a_new_secret_is_admitted_when_a_previous_one_opens_the_data() -> None:
    old = row_of(OLD)

    ring = build_keyring([NEW, OLD], salt=SALT, rows=[old])

    assert ring.current is not None
    assert ring.current.id != old.id
    assert old.id in ring.loaded


def test_a_key_of_fewer_iterations_opens_and_is_followed_by_a_stronger_one() -> None:
    weak = row_of(OLD, MIN_ITERATIONS)

    ring = build_keyring([OLD], salt=SALT, rows=[weak])

    assert ring.current is not None
    assert ring.current.iterations == ITERATIONS
    assert weak.id in ring.loaded


def test_a_check_value_that_does_not_open_proves_nothing() -> None:
    mine = row_of(NEW)
    forged = replace(mine, check_value=row_of(OLD).check_value)

    ring = build_keyring([NEW], salt=SALT, rows=[forged])

    assert ring.current is None
    assert not ring.loaded


@pytest.mark.parametrize("iterations", [0, 1, MIN_ITERATIONS - 1, 10**12])
def test_a_tampered_iteration_count_is_never_derived(iterations: int) -> None:
    ring = build_keyring([NEW], salt=SALT, rows=[replace(row_of(NEW), iterations=iterations)])

    assert not ring.loaded


def test_too_few_iterations_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        derive_key(NEW, salt=SALT, iterations=MIN_ITERATIONS - 1)


def test_a_secret_is_derived_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    derivations = []
    real = keyring.PBKDF2HMAC

    def counting(**kwargs: object) -> object:
        derivations.append(kwargs["iterations"])
        return real(**kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(keyring, "PBKDF2HMAC", counting)
    secret = secrets.token_urlsafe(32)

    rows = [build_keyring([secret], salt=SALT, rows=[]).current.facts()]  # type: ignore[union-attr]
    for _ in range(5):
        build_keyring([secret], salt=SALT, rows=rows)

    assert derivations == [ITERATIONS]


def test_another_salt_makes_another_key() -> None:
    assert row_of(NEW).id != derive_key(NEW, salt=b"another salt 16b", iterations=ITERATIONS).id


def test_no_repr_shows_a_secret_or_a_key() -> None:
    ring = build_keyring([NEW], salt=SALT, rows=[])

    printed = repr(ring) + repr(ring.current) + repr(keyring._Secret(NEW))

    assert NEW not in printed
    assert "Fernet" not in printed
