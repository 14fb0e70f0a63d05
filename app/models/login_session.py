"""A browser or program that is signed in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime


class LoginSession(Model):
    """One signed-in browser or program. Deleting the row signs it out at once."""

    __tablename__ = "login_sessions"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    #: SHA-256, in hex, of the random id in the cookie: a stolen database opens no session.
    session_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Moved at most once a minute.
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: The absolute end, whatever the person does.
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    client_address: Mapped[str] = mapped_column(String(45))
    #: Agent family ("Chrome on Linux"), not the whole header.
    agent: Mapped[str] = mapped_column(String(80))
