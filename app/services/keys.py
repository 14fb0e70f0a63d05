"""Keys: the keyring of this process, matched to the rows that say which keys the data needs."""

from __future__ import annotations

import logging
import secrets
import threading
from dataclasses import asdict, dataclass, field
from typing import Final

from sqlalchemy import select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from app import clock
from app.crypto.keyring import SALT_BYTES, KeyFacts, Keyring, build_keyring
from app.crypto.vault import Vault
from app.errors import KeyNotLoadedError
from app.extensions import Model, db
from app.models import EncryptionKey, Installation

logger = logging.getLogger(__name__)

_NEEDED: Final = (
    select(
        EncryptionKey.id,
        EncryptionKey.scheme,
        EncryptionKey.kdf,
        EncryptionKey.iterations,
        EncryptionKey.check_value,
    )
    .where(EncryptionKey.retired_at.is_(None))
    .order_by(EncryptionKey.id)
)
_SALT: Final = select(Installation.key_salt)
_BOTH: Final = _NEEDED.add_columns(Installation.key_salt).join(Installation, true())


@dataclass(frozen=True)
class Secrets:
    """The encryption secrets: the one that seals, and those that only read. Never printed."""

    sealing: str = field(repr=False)
    previous: tuple[str, ...] = field(default=(), repr=False)


class Keys:
    """The keys of one app. The slow derivation happens at first need, once a process."""

    def __init__(self, given: Secrets, *, stores_tokens: bool = True) -> None:
        #: False: this installation stores nobody's token (`TOKEN_STORAGE`).
        self.stores_tokens = stores_tokens
        self._secrets = given
        self._lock = threading.Lock()
        self._keyring: Keyring | None = None
        #: What was built last, after what it was built from.
        self._built: tuple[tuple[bytes, list[KeyFacts]], Keyring] | None = None

    def vault_for_sealing(self) -> Vault:
        """Return a vault that may seal. The first call ever admits the key: commits its row.

        Raises KeyNotLoadedError when the secret does not open the data that is there.
        """
        keyring = self._fresh_keyring()
        if keyring.current is None:
            raise KeyNotLoadedError
        if keyring.current.id not in keyring.known_ids:
            keyring = self._admit()
        return Vault(keyring)

    def vault_for_unsealing(self, key_id: str) -> Vault:
        """Return a vault that knows what there is to know of this key. Reads rows only when needed."""
        keyring = self._keyring
        if keyring is None or key_id not in keyring.loaded:
            keyring = self._fresh_keyring()
        return Vault(keyring)

    def vault_for_reading(self) -> Vault:
        """Return a vault for going through all rows; admits no key, writes nothing."""
        return Vault(self._fresh_keyring())

    def problem(self) -> str | None:
        """Return None, or in one sentence for admins why nothing can be sealed."""
        if not _needed_keys() or self._fresh_keyring().current is not None:
            return None
        return (
            "TOKEN_ENCRYPTION_SECRET does not open this database's tokens. Set the secret they were sealed "
            "with, or add it to TOKEN_ENCRYPTION_PREVIOUS_SECRETS."
        )

    def vault_for_looking(self) -> Vault | None:
        """Return a vault that says which keys are loaded; None before any key is there. Never writes."""
        # Without a key there may be no salt yet, and reading the keyring would make one.
        return Vault(self._fresh_keyring()) if _needed_keys() else None

    def _fresh_keyring(self) -> Keyring:
        """Return the keyring for the rows as they are now; derives only what is new."""
        with self._lock:
            before, self._keyring = self._keyring, self._read()
            if self._keyring.current is None and (before is None or before.current is not None):
                logger.error(
                    "The encryption secret does not open this database's tokens; nothing is sealed.",
                    extra={"setting": "TOKEN_ENCRYPTION_SECRET"},
                )
            return self._keyring

    def _admit(self) -> Keyring:
        """Write the current key's row, unless somebody wrote one meanwhile that it does not go with."""
        # The update locks the row: of two processes with different secrets that meet an empty
        # database at once, the second reads what the first has written.
        db.session.execute(update(Installation).values(id=1))
        current = self._read().current
        if current is None:
            db.session.rollback()
            raise KeyNotLoadedError
        _insert_once(EncryptionKey, {**asdict(current.facts()), "created_at": clock.now()})
        return self._fresh_keyring()

    def _read(self) -> Keyring:
        rows, salt = _needed_keys_and_salt()
        if salt is None:
            # Without the salt no secret opens these keys: another one would only make things worse.
            return Keyring(None, {}, frozenset(row.id for row in rows))
        built = self._built
        if built is None or built[0] != (salt, rows):
            given = (self._secrets.sealing, *self._secrets.previous)
            built = self._built = (salt, rows), build_keyring(given, salt=salt, rows=rows)
        return built[1]


def try_write() -> None:
    """Return when the database takes writes; writes what is there. Raises SQLAlchemy's error otherwise."""
    db.session.execute(update(Installation).values(id=1))
    # Only a commit shows that the disk has room.
    db.session.commit()


def _needed_keys_and_salt() -> tuple[list[KeyFacts], bytes | None]:
    """Return what `_needed_keys` and `_installation_salt` return, by one statement nearly always."""
    found = db.session.connection().execute(_BOTH).all()
    if not found or found[0].id is None:
        rows = _needed_keys()
        return rows, _installation_salt(make=not rows)
    return [KeyFacts(*row[:-1]) for row in found], _salt_in(found[0].key_salt)


def _needed_keys() -> list[KeyFacts]:
    """Return the keys that are not retired."""
    return [KeyFacts(*row) for row in db.session.connection().execute(_NEEDED)]


def _installation_salt(*, make: bool) -> bytes | None:
    """Return this installation's salt; None when it is damaged, or missing and not to be made.

    Made by whoever comes first: commits then.
    """
    salt = db.session.connection().scalar(_SALT)
    if salt is None and make:
        values = {"id": 1, "key_salt": secrets.token_hex(SALT_BYTES), "created_at": clock.now()}
        _insert_once(Installation, values)
        salt = db.session.connection().scalar(_SALT)
    return _salt_in(salt)


def _salt_in(text: str | None) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        return None


def _insert_once(model: type[Model], values: dict[str, object]) -> None:
    """Insert the row unless it is there. Of processes that do so at once, one wins. Commits."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    db.session.execute(dialect.insert(model).values(**values).on_conflict_do_nothing())
    db.session.commit()
