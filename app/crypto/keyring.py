"""Keyring: from secrets to keys, one slow derivation for each secret and parameter set."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

SCHEME: Final = "fernet"
KDF: Final = "pbkdf2-hmac-sha256"
#: OWASP Password Storage Cheat Sheet, PBKDF2-HMAC-SHA256.
ITERATIONS: Final = 600_000
#: The least that a key row may ask for; less is refused as damage or as an attack on the row.
MIN_ITERATIONS: Final = 100_000
#: The most, so that a tampered row cannot keep a process busy for hours.
MAX_ITERATIONS: Final = 10_000_000
SALT_BYTES: Final = 16
CHECK_TEXT: Final = b"mcp-market key check v1"


@dataclass(frozen=True)
class KeyFacts:
    """What a row of `encryption_keys` says of a key. Public."""

    id: str
    scheme: str
    kdf: str
    iterations: int
    check_value: str


@dataclass(frozen=True)
class Key:
    """A derived key. Its `repr` shows the public id alone."""

    id: str
    iterations: int
    fernet: Fernet = field(repr=False)

    def facts(self) -> KeyFacts:
        """Return the row for this key, with a fresh check value."""
        check_value = self.fernet.encrypt(CHECK_TEXT).decode("ascii")
        return KeyFacts(self.id, SCHEME, KDF, self.iterations, check_value)

    def opens(self, facts: KeyFacts) -> bool:
        """Whether this is the key that the row speaks of, proven by its check value."""
        if facts.id != self.id:
            return False
        try:
            return self.fernet.decrypt(facts.check_value) == CHECK_TEXT
        except (InvalidToken, ValueError, TypeError):
            return False


@dataclass(frozen=True)
class Keyring:
    """The keys of this process.

    `current` seals; None means that nothing may be sealed. `loaded` maps key id → key, for unsealing.
    `known_ids` are the keys that some secret should open, loaded here or not.
    """

    current: Key | None
    loaded: Mapping[str, Key]
    known_ids: frozenset[str]


def derive_key(secret: str, *, salt: bytes, iterations: int) -> Key:
    """Derive a key from a secret: about 0.1 s of work the first time, remembered afterwards.

    Raises ValueError when `iterations` is under `MIN_ITERATIONS`.
    """
    if iterations < MIN_ITERATIONS:
        raise ValueError("too few iterations")
    # Remembered by a digest, so that no cache of this process holds a secret as its key.
    return _derive(_Secret(secret), salt, iterations)


class _Secret:
    """A secret as a cache key: compares by digest, and says nothing when printed."""

    __slots__ = ("_digest", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._digest = hashlib.sha256(text.encode()).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Secret) and hmac.compare_digest(self._digest, other._digest)

    def __hash__(self) -> int:
        return hash(self._digest)


@lru_cache(maxsize=32)
def _derive(secret: _Secret, salt: bytes, iterations: int) -> Key:
    raw = PBKDF2HMAC(algorithm=SHA256(), length=32, salt=salt, iterations=iterations).derive(
        secret.text.encode()
    )
    # A keyed digest: 16 hex digits that name the key and give nothing of it away.
    fingerprint = hmac.new(raw, b"mcp-market key id v1", hashlib.sha256).hexdigest()[:16]
    return Key(fingerprint, iterations, Fernet(urlsafe_b64encode(raw)))


def build_keyring(secrets: Sequence[str], *, salt: bytes, rows: Sequence[KeyFacts]) -> Keyring:
    """Match secrets, the sealing one first, to the rows of keys that are still needed.

    `current` is the first secret's key at today's `ITERATIONS` when its row exists and its check value
    opens, or when admitting it orphans nothing: there are no rows yet, or a secret given here opens one
    of them. Otherwise it is None: a wrong secret must not start a second, mixed set of rows.
    """
    known = {row.id: row for row in rows}
    loaded: dict[str, Key] = {}
    for secret in secrets:
        for iterations in _iteration_counts(rows):
            key = derive_key(secret, salt=salt, iterations=iterations)
            if key.id in known and key.opens(known[key.id]):
                loaded[key.id] = key
    first = derive_key(secrets[0], salt=salt, iterations=ITERATIONS)
    if first.id not in known and (loaded or not known):
        loaded[first.id] = first
    return Keyring(loaded.get(first.id), loaded, frozenset(known))


def _iteration_counts(rows: Sequence[KeyFacts]) -> list[int]:
    """Return the iteration counts worth deriving: those of rows that this version could have made."""
    return sorted(
        {
            row.iterations
            for row in rows
            if (row.scheme, row.kdf) == (SCHEME, KDF) and MIN_ITERATIONS <= row.iterations <= MAX_ITERATIONS
        }
    )
