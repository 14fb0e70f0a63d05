"""Vault: the one door through which a token is sealed and unsealed.

Fernet binds nothing but the key, so any row's text would open in any other row. The sealed payload
therefore names its user, server and address, and unsealing compares them with the row's.
"""

from __future__ import annotations

import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final, NamedTuple

from cryptography.fernet import InvalidToken

from app.crypto.keyring import Key, Keyring
from app.errors import KeyNotLoadedError, TokenUnreadableError

PAYLOAD_VERSION: Final = 1
SUBKEY_BYTES: Final = 32
#: Longer text was not written here: 4,096 characters of token and 2,048 of address stay far below.
MAX_SEALED_CHARS: Final = 20_000
#: What Fernet writes: the URL-safe alphabet, whole groups of four, padding only at the end.
FERNET_TEXT: Final = re.compile(r"gA[A-Za-z0-9_-]+={0,2}", re.ASCII)


class Place(NamedTuple):
    """Where a token belongs: the person, the server, and the full URL it may be sent to."""

    user_id: int
    server_id: int
    address: str


class Sealed(NamedTuple):
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
        _, raw = self._open(sealed, place)
        return self._seal_payload(raw)

    def rebind(self, sealed: Sealed, place: Place, address: str) -> Sealed:
        """Return the same token sealed for another address; it does not leave the vault meanwhile.

        Its owner has to have said so. Raises KeyNotLoadedError and TokenUnreadableError as `unseal` does.
        """
        token, _ = self._open(sealed, place)
        return self.seal(token, place._replace(address=address))

    def new_subkey(self, purpose: str) -> Sealed:
        """Return 32 random bytes for one purpose, sealed under the current key.

        Raises KeyNotLoadedError when this process may not seal.
        """
        payload = {"v": PAYLOAD_VERSION, "p": purpose, "k": secrets.token_hex(SUBKEY_BYTES)}
        return self._seal_payload(json.dumps(payload, separators=(",", ":")).encode())

    def open_subkey(self, sealed: Sealed, purpose: str) -> bytes:
        """Return a subkey. Raises KeyNotLoadedError and TokenUnreadableError as `unseal` does."""
        key, _ = self._open_subkey(sealed, purpose)
        return key

    def reseal_subkey(self, sealed: Sealed, purpose: str) -> Sealed:
        """Return the same subkey sealed under the current key. Raises as `open_subkey` does."""
        _, raw = self._open_subkey(sealed, purpose)
        return self._seal_payload(raw)

    def _seal_payload(self, raw: bytes) -> Sealed:
        key = self._keyring.current
        if key is None:
            raise KeyNotLoadedError
        return Sealed(key.fernet.encrypt(raw).decode("ascii"), key.id)

    def _open(self, sealed: Sealed, place: Place) -> tuple[str, bytes]:
        payload, raw = self._decrypt(sealed)
        bound = (payload.get("v"), payload.get("u"), payload.get("s"), payload.get("a"))
        token = payload.get("t")
        expected = (PAYLOAD_VERSION, place.user_id, place.server_id, place.address)
        if bound != expected or not isinstance(token, str):
            raise TokenUnreadableError
        return token, raw

    def _open_subkey(self, sealed: Sealed, purpose: str) -> tuple[bytes, bytes]:
        payload, raw = self._decrypt(sealed)
        key = payload.get("k")
        if (payload.get("v"), payload.get("p")) != (PAYLOAD_VERSION, purpose) or not isinstance(key, str):
            raise TokenUnreadableError
        return bytes.fromhex(key), raw

    def _decrypt(self, sealed: Sealed) -> tuple[dict[str, Any], bytes]:
        """Return what was sealed, parsed and raw, its place not yet compared."""
        key = self._keyring.loaded.get(sealed.key_id)
        if key is None:
            raise KeyNotLoadedError if sealed.key_id in self._keyring.known_ids else TokenUnreadableError
        opened = _decrypt(key, sealed.text)
        if opened is None:
            raise TokenUnreadableError
        return opened


def _decrypt(key: Key, text: str) -> tuple[dict[str, Any], bytes] | None:
    """Return the payload, parsed and raw, or None.

    No exception leaves: one could carry a part of the payload.
    """
    if not _is_canonical(text):
        return None
    try:
        # No `ttl`: Fernet would then refuse what a clock now set back sealed a minute ago.
        raw = key.fernet.decrypt(text)
        # Decoded here: `json` would first guess from the bytes in which of five encodings they are.
        payload = json.loads(raw.decode())
    except (InvalidToken, ValueError, TypeError):
        return None
    return (payload, raw) if isinstance(payload, dict) else None


def _is_canonical(text: object) -> bool:
    """Whether this is Fernet text exactly as it was written.

    Decoders forgive line breaks, extra padding and stray last bits: many texts would open as one.
    """
    if not isinstance(text, str) or len(text) > MAX_SEALED_CHARS or not FERNET_TEXT.fullmatch(text):
        return False
    # Four letters are three bytes, whatever stands before them: padding and stray bits are in the last four.
    last = text[-4:]
    try:
        return not len(text) % 4 and urlsafe_b64encode(urlsafe_b64decode(last)).decode("ascii") == last
    except ValueError:
        return False
