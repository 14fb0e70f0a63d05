"""What is known of the keys: everything but the keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime


class Installation(Model):
    """The one row about this installation."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    #: 16 random bytes in hex: one secret costs one derivation for each parameter set.
    key_salt: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EncryptionKey(Model):
    """One key that tokens are, or were, sealed under."""

    __tablename__ = "encryption_keys"

    #: Public fingerprint of the derived key, 16 hex digits.
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    scheme: Mapped[str] = mapped_column(String(32))
    kdf: Mapped[str] = mapped_column(String(32))
    iterations: Mapped[int] = mapped_column()
    #: A known text sealed under the key: proves that a secret opens this installation's data.
    check_value: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: When its secret was given up for lost or removed; None: may still be needed.
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
