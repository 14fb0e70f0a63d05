"""An event of the ledger that a person should look at."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime


class OddEvent(Model):
    """That an event is odd, and how. Goes when it is dismissed, and with the person.

    What happened stands in the ledger, and there is nothing here that could not be found in it again.
    """

    __tablename__ = "odd_events"
    __table_args__ = (
        # What is odd about one person, and about anybody: the newest first, read in this order.
        Index("ix_odd_events_subject_user_id_occurred_at_id", "subject_user_id", "occurred_at", "id"),
        Index("ix_odd_events_occurred_at_id", "occurred_at", "id"),
        Index("uq_odd_events_event_id_kind", "event_id", "kind", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: How it is odd: one of `app.services.oddity_rules.KINDS`.
    kind: Mapped[str] = mapped_column(String(40))
    #: The event (`audit_events.id`). No foreign key: nothing that goes has a say in the ledger.
    event_id: Mapped[int]
    #: Whom the event concerns, and when it happened: as in the ledger, where no index has both in order.
    subject_user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
