"""A random key for one purpose, sealed under the encryption key, so that it outlives every secret."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime


class SealedSubkey(Model):
    """One subkey. Rotation re-seals it; what was computed with it stays valid."""

    __tablename__ = "sealed_subkeys"

    #: What it is for: `fingerprint`, `totp`.
    purpose: Mapped[str] = mapped_column(String(32), primary_key=True)
    #: Fernet text of the subkey and its purpose.
    sealed_text: Mapped[str] = mapped_column(Text)
    #: The key it is sealed under (`encryption_keys.id`).
    key_id: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
