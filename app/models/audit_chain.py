"""One chain of the ledger: how long it is, and the seal at its end."""

from __future__ import annotations

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class AuditChain(Model):
    """A chain: the events about one person, or about nobody. Its row is the lock that writers queue at."""

    __tablename__ = "audit_chains"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    #: The subject's id; 0: the system.
    chain: Mapped[int] = mapped_column(Integer, unique=True)
    length: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: Seal of the last event; None: it is not sealed yet.
    last_seal: Mapped[str | None] = mapped_column(String(64))
