"""Vault: the one door through which a token is sealed and unsealed.

Fernet binds nothing but the key, so any row's text would open in any other row. The sealed payload
therefore names its user, server and address, and unsealing compares them with the row's.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from cryptography.fernet import InvalidToken

from app.crypto.keyring import Key, Keyring
from app.errors import KeyNotLoadedError, TokenUnreadableError

PAYLOAD_VERSION: Final = 1
#: Longer text was not written here: 4,096 characters of token and 2,048 of address stay far below.
MAX_SEALED_CHARS: Final = 20_000
#: What Fernet writes: the URL-safe alphabet, whole groups of four, padding only at the end.
FERNET_TEXT: Final = re.compile(r"gA[A-Za-z0-9_-]+={0,2}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where a token belongs: the person, the server, and the full URL it may be sent to."""

    user_id: int
    server_id: int
    address: str


@dataclass(frozen=True)
class Sealed:
    """A sealed token as its row keeps it: ASCII text and the public id of its key."""

    text: str
    key_id: str


class Vault:
    """Seals and unseals tokens with one keyring."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    @property
    def current_id(self) -> str:
        """Return the id of the key that seals. Raises KeyNotLoadedError when there is none."""
        if self._keyring.current is None:
            raise KeyNotLoadedError
        return self._keyring.current.id

    def is_loaded(self, key_id: str) -> bool:
        """Whether rows under this key can be read here."""
        return key_id in self._keyring.loaded

    def seal(self, token: str, place: Place) -> Sealed:
        """Seal a token for its place under the current key.

        Raises KeyNotLoadedError when this process may not seal.
        """
        payload = {
            "v": PAYLOAD_VERSION,
            "u": place.user_id,
            "s": place.server_id,
            "a": place.address,
            "t": token,
        }
        return self._seal_payload(json.dumps(payload, separators=(",", ":")).encode())

    def unseal(self, sealed: Sealed, place: Place) -> str:
        """Return the plaintext token. Its only callers are those that send it.

        Raises KeyNotLoadedError, without trying, for a key whose secret is merely not loaded here, and
        TokenUnreadableError for everything else that is wrong: damage, another row's text, a lost key.
        """
        token, _ = self._open(sealed, place)
        return token

    def verify(self, sealed: Sealed, place: Place) -> None:
        """Return when the token can be read; it does not leave the vault. Raises as `unseal` does."""
        self._open(sealed, place)

    def reseal(self, sealed: Sealed, place: Place) -> Sealed:
        """Return the same token sealed under the current key; it does not leave the vault meanwhile.

        Raises KeyNotLoadedError and TokenUnreadableError as `unseal` does.
        """
        _, payload = self._open(sealed, place)
        return self._seal_payload(payload)

    def _seal_payload(self, payload: bytes) -> Sealed:
        key = self._keyring.current
        if key is None:
            raise KeyNotLoadedError
        return Sealed(key.fernet.encrypt(payload).decode("ascii"), key.id)

    def _open(self, sealed: Sealed, place: Place) -> tuple[str, bytes]:
        key = self._keyring.loaded.get(sealed.key_id)
        if key is None:
            raise KeyNotLoadedError if sealed.key_id in self._keyring.known_ids else TokenUnreadableError
        opened = _open_payload(key, sealed.text, place)
        if opened is None:
            raise TokenUnreadableError
        return opened


def _open_payload(key: Key, text: str, place: Place) -> tuple[str, bytes] | None:
    """Return the token and the payload it came in, or None.

    No exception leaves: one could carry a part of the payload.
    """
    if not _is_canonical(text):
        return None
    try:
        # No `ttl`: Fernet would then refuse what a clock now set back sealed a minute ago.
        raw = key.fernet.decrypt(text)
        payload = json.loads(raw)
    except (InvalidToken, ValueError, TypeError):
        return None
    if not isinstance(payload, dict):
        return None
    bound = (payload.get("v"), payload.get("u"), payload.get("s"), payload.get("a"))
    if bound != (PAYLOAD_VERSION, place.user_id, place.server_id, place.address):
        return None
    token = payload.get("t")
    return (token, raw) if isinstance(token, str) else None


def _is_canonical(text: object) -> bool:
    """Whether this is Fernet text exactly as it was written.

    Decoders forgive line breaks, extra padding and stray last bits: many texts would open as one.
    """
    if not isinstance(text, str) or len(text) > MAX_SEALED_CHARS or not FERNET_TEXT.fullmatch(text):
        return False
    try:
        return urlsafe_b64encode(urlsafe_b64decode(text)).decode("ascii") == text
    except ValueError:
        return False
