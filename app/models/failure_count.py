"""How often in a row a password or code was wrong."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime


class FailureCount(Model):
    """Failures in a row at one account, browser or client address. No success, no row for long."""

    __tablename__ = "failure_counts"

    #: SHA-256, in hex, of what is counted: a stranger's typing is not kept.
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: Attempts since the last success, those that were held up too.
    failures: Mapped[int] = mapped_column(Integer)
    #: When a password was last compared; attempts that were held up leave it alone.
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
