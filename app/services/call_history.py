"""Call history: a person's own latest calls of one server's tools, as the ledger has them.

Calls that took no token are not in the ledger, nor are arguments and answers of any.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from app.extensions import db
from app.models import AuditEvent, User
from app.services.audit import Action

LATEST: Final = 20
#: How many of a person's events are looked through, so that a page costs the same whatever they did since.
LOOKED_THROUGH: Final = 2000


@dataclass(frozen=True)
class PastCall:
    """A call that ended. `tool`: None where the name was not kept."""

    ended_at: datetime
    tool: str | None
    #: As `OUTCOMES` of the ledger's sentences has them.
    outcome: str
    milliseconds: int
    #: `request` or `saved`.
    token_source: str


def own_calls(user: User, server_id: int) -> list[PastCall]:
    """Return at most `LATEST` calls that this person made of the server's tools, the newest first."""
    lately = (
        select(AuditEvent.id)
        .where(AuditEvent.subject_user_id == user.id)
        .order_by(AuditEvent.id.desc())
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    statement = (
        select(AuditEvent.occurred_at, AuditEvent.outcome, AuditEvent.details)
        .join(lately, lately.c.id == AuditEvent.id)
        .where(
            AuditEvent.action == Action.TOKEN_USE_ENDED.value,
            AuditEvent.actor_id == user.id,
            AuditEvent.server_id == server_id,
            AuditEvent.details["purpose"].as_string() == "call_tool",
        )
        .order_by(AuditEvent.id.desc())
        .limit(LATEST)
    )
    return [
        PastCall(
            ended_at,
            details.get("tool"),
            outcome,
            details["milliseconds"],
            details["token_source"],
        )
        for ended_at, outcome, details in db.session.execute(statement)
    ]
