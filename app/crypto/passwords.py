"""Passwords: argon2id hashes, and a verification that takes as long for people who do not exist."""

from __future__ import annotations

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, 2 passes, 1 lane.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_password(password: str) -> str:
    """Return an argon2id hash in PHC string form."""
    return _HASHER.hash(_bytes(password))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is the hashed one.

    None, for an unknown person, takes as long and is False; so does a text that is no hash, as invited
    people have one.
    """
    try:
        return _HASHER.verify(password_hash or _dummy_hash(), _bytes(password)) and password_hash is not None
    except VerificationError:
        return False
    except InvalidHashError:
        # Said at once, it would tell who was invited and has not come yet.
        return verify_password(None, password)


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with parameters other than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def _bytes(password: str) -> bytes:
    # Whatever a client sends is a password to compare, never an encoding error.
    return password.encode(errors="surrogatepass")


@cache
def _dummy_hash() -> str:
    return hash_password("nobody has this password")
