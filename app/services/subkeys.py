"""Subkeys: random keys for single purposes, sealed under the encryption key, re-sealed by rotation.

What is computed with one stays comparable when the encryption secret changes.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app import clock
from app.crypto.vault import Sealed, Vault
from app.errors import KeyNotLoadedError, TokenUnreadableError
from app.extensions import db
from app.models import SealedSubkey
from app.services.keys import Keys

#: Finds the same token saved twice by one person.
FINGERPRINT: Final = "fingerprint"
_ROW: Final[Select[*tuple[Any, ...]]] = select(SealedSubkey.sealed_text, SealedSubkey.key_id).where(
    SealedSubkey.purpose == bindparam("purpose")
)


def fingerprint_of(token: str, user_id: int, vault: Vault) -> str | None:
    """Return a keyed digest of a person's token, 64 hex digits. Commits when it makes the subkey.

    The person is in it, so that nobody can tell from the database that two people share a token. None
    when the subkey's own key is not loaded: a save must not fail for want of a comparison.
    """
    try:
        key = subkey(FINGERPRINT, vault)
    except KeyNotLoadedError:
        return None
    return hmac.new(key, f"{user_id}:{token}".encode(), hashlib.sha256).hexdigest()


def reseal_subkeys(vault: Vault) -> None:
    """Seal every subkey under the current key; one that cannot be read stays. The caller commits."""
    for row in db.session.scalars(select(SealedSubkey).where(SealedSubkey.key_id != vault.current_id)):
        try:
            fresh = vault.reseal_subkey(Sealed(row.sealed_text, row.key_id), row.purpose)
        except (KeyNotLoadedError, TokenUnreadableError):
            continue
        db.session.execute(
            update(SealedSubkey)
            .where(SealedSubkey.purpose == row.purpose, SealedSubkey.sealed_text == row.sealed_text)
            .values(sealed_text=fresh.text, key_id=fresh.key_id)
        )


def subkey(purpose: str, vault: Vault) -> bytes:
    """Return the subkey, made by whoever comes first, and made anew when its key was given up for lost.

    Commits when it makes one. Raises KeyNotLoadedError.
    """
    row = _row(purpose)
    if row is None:
        row = _make(purpose, vault, replacing=None)
    try:
        return vault.open_subkey(Sealed(row.sealed_text, row.key_id), purpose)
    except TokenUnreadableError:
        row = _make(purpose, vault, replacing=row.sealed_text)
        return vault.open_subkey(Sealed(row.sealed_text, row.key_id), purpose)


def existing_subkey(purpose: str, keys: Keys) -> bytes:
    """Return the subkey, which is never made or replaced here. Raises KeyNotLoadedError."""
    row = _row(purpose)
    if row is None:
        raise KeyNotLoadedError
    vault = keys.vault_for_unsealing(row.key_id)
    try:
        return vault.open_subkey(Sealed(row.sealed_text, row.key_id), purpose)
    except TokenUnreadableError:
        raise KeyNotLoadedError from None


def _row(purpose: str) -> Row[*tuple[Any, ...]] | None:
    return db.session.connection().execute(_ROW, {"purpose": purpose}).one_or_none()


def _make(purpose: str, vault: Vault, *, replacing: str | None) -> Row[*tuple[Any, ...]]:
    """Write a new subkey unless somebody else did meanwhile; return the one that is there. Commits."""
    sealed = vault.new_subkey(purpose)
    values = {"sealed_text": sealed.text, "key_id": sealed.key_id, "created_at": clock.now()}
    if replacing is None:
        dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(SealedSubkey).values(purpose=purpose, **values)
        db.session.execute(insert.on_conflict_do_nothing())
    else:
        same = (SealedSubkey.purpose == purpose, SealedSubkey.sealed_text == replacing)
        db.session.execute(update(SealedSubkey).where(*same).values(**values))
    db.session.commit()
    row = _row(purpose)
    if row is None:
        raise KeyNotLoadedError
    return row
