"""A browser in which a person has signed in before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime


class KnownBrowser(Model):
    """A browser that a stranger's failed sign-ins do not hold up. It opens nothing by itself."""

    __tablename__ = "known_browsers"
    __table_args__ = (
        Index("uq_known_browsers_user_id_browser_hash", "user_id", "browser_hash", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: SHA-256, in hex, of the random id in the browser's cookie.
    browser_hash: Mapped[str] = mapped_column(String(64))
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
