"""The second factor: one-time codes (TOTP), recovery codes, and sign-ins that still want one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime


class TotpEnrolment(Model):
    """A person's authenticator app. The row holds no secret: `app.services.totp` derives it."""

    __tablename__ = "totp_enrolments"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    #: 16 random bytes in hex: a new enrolment has a new secret.
    nonce: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: When a first code proved that the app has the secret; None: not asked for at sign-in yet.
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Time step of the last code taken: each code works once (RFC 6238, 5.2).
    last_step: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class RecoveryCode(Model):
    """A code that stands in for the authenticator app once. Used, it is deleted."""

    __tablename__ = "recovery_codes"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    #: SHA-256, in hex; the code is random enough (80 bits) to need no slow hash.
    code_hash: Mapped[str] = mapped_column(String(64))


class PendingSignIn(Model):
    """A sign-in whose password was right and whose code is still wanted."""

    __tablename__ = "pending_sign_ins"

    #: SHA-256, in hex, of the random id in the cookie.
    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
