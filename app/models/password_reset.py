"""A one-time link with which a person sets a new password."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime


class PasswordReset(Model):
    """An open one-time link. Used, or replaced by a newer one, it is deleted."""

    __tablename__ = "password_resets"

    #: At most one open link a person.
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    #: SHA-256, in hex, of the random code in the link.
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
