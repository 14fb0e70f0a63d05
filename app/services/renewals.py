"""Renewals: an admin asks a person to renew a token; its owner sees that until they replace or delete it.

The asking is committed before its mail is sent, so that two admins at once send one, and no transaction is
open while the mail server is waited for. Killed in between, the mail is lost and the notice is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, bindparam, select, update

from app import clock
from app.errors import ChangedMeanwhileError, MailError, NotThereError, RenewalNotPossibleError
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.models.token import version_of
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.availability import available_to
from app.services.keys import Keys
from app.services.rights import keep_right
from app.services.rows_changed import rows_changed

#: Nobody is asked twice within this time.
ASKED_AGAIN_AFTER: Final = timedelta(hours=24)
#: Outcome of an asking whose mail was not sent; it follows the event of the asking itself.
NOT_SENT: Final = "not_sent"
#: Why the owner of a token could not save a new one, the first that applies.
REASONS: Final = ("person_disabled", "server_disabled", "server_unavailable", "storage_off")
_ASKINGS: Final[Select[*tuple[Any, ...]]] = (
    select(Server.id, Server.name, Token.renew_asked_at)
    .join(Token, Token.mcp_server_id == Server.id)
    .where(Token.user_id == bindparam("user_id"), Token.renew_asked_at.is_not(None))
    .where(Server.is_enabled, available_to(bindparam("user_id")))
    .order_by(Server.name_key, Server.id)
)


@dataclass(frozen=True)
class RenewalRequest:
    """What a mail is about. Nothing of the token, and no hint."""

    email: str
    locale: str | None
    server_id: int
    server: str


@dataclass(frozen=True)
class Asked:
    """What came of asking. `is_new` False: somebody had asked within a day, and nothing was done.

    `mail`: `sent`, `not_sent`, or `none` where there was none to be sent. `problem`: why it was not sent, a
    reason of `app.mail`.
    """

    asked_at: datetime
    is_new: bool = True
    mail: str = "none"
    problem: str | None = None


@dataclass(frozen=True)
class Asking:
    """A token that its owner was asked to renew, as they are told."""

    server_id: int
    server: str
    asked_at: datetime


def ask_to_renew(
    user_id: int,
    server_id: int,
    version: str | None,
    *,
    keys: Keys,
    actor: Actor,
    send: Callable[[RenewalRequest], None] | None,
) -> Asked:
    """Ask the owner of a token, whatever its state, to renew it. `send` sends the mail; None: there are none.

    `version`: the token that was looked at (`Cell.version`); None: the one there is. Commits, with one audit
    row in the owner's chain, then sends; commits another row when that failed. An asking whose mail failed
    may be repeated at once. Raises NotThereError where there is no token, ChangedMeanwhileError for another
    one, and RenewalNotPossibleError while its owner could not save a new one.
    """
    keep_right(actor)
    found = _held(user_id, server_id)
    now = clock.now()
    if version not in (None, version_of(found.token_id, found.revision)):
        raise ChangedMeanwhileError
    _refuse_where_nobody_could(found, keys)
    before: datetime | None = found.renew_asked_at
    is_recent = before is not None and now - before < ASKED_AGAIN_AFTER
    if before and is_recent and not (send and _mail_failed(user_id, server_id)):
        db.session.rollback()
        return Asked(before, is_new=False)
    if not _claim(found, now):
        db.session.rollback()
        return _overtaken(found, user_id, server_id)
    server = db.session.get(Server, server_id)
    record(Action.TOKEN_RENEW_ASKED, actor, subject_user_id=user_id, server=server)
    db.session.commit()
    if send is None:
        return Asked(now)
    try:
        send(RenewalRequest(found.email, found.locale, server_id, found.server))
    except MailError as error:
        # How it ended is told also of an admin who was disabled while the mail server was waited for.
        told_by = actor.without_right()
        record(Action.TOKEN_RENEW_ASKED, told_by, outcome=NOT_SENT, subject_user_id=user_id, server=server)
        db.session.commit()
        return Asked(now, mail=NOT_SENT, problem=error.reason)
    return Asked(now, mail="sent")


def list_askings(user: User) -> list[Asking]:
    """Return what this person was asked to renew and still can, by the name of the server."""
    return [Asking(*row) for row in db.session.connection().execute(_ASKINGS, {"user_id": user.id})]


def _held(user_id: int, server_id: int) -> Any:
    statement = (
        select(
            Token.id.label("token_id"),
            Token.revision,
            Token.renew_asked_at,
            User.email,
            User.locale,
            User.is_active,
            User.stores_tokens,
            Server.name.label("server"),
            Server.is_enabled,
            available_to(user_id).label("is_available"),
        )
        .select_from(Token)
        .join(User, User.id == Token.user_id)
        .join(Server, Server.id == Token.mcp_server_id)
        .where(Token.user_id == user_id, Token.mcp_server_id == server_id)
    )
    found = db.session.execute(statement).one_or_none()
    if found is None:
        raise NotThereError
    return found


def _refuse_where_nobody_could(found: Any, keys: Keys) -> None:
    """Raise RenewalNotPossibleError where the owner could not save a new token: asking would be no help."""
    are_met = (
        found.is_active,
        found.is_enabled,
        found.is_available,
        keys.stores_tokens and found.stores_tokens,
    )
    for is_met, reason in zip(are_met, REASONS, strict=True):
        if not is_met:
            raise RenewalNotPossibleError(reason)


def _claim(found: Any, now: datetime) -> bool:
    """Write the time, and return whether the row was still as it was read; the caller commits."""
    swapped = rows_changed(
        update(Token)
        .where(
            Token.id == found.token_id,
            Token.revision == found.revision,
            Token.renew_asked_at.is_not_distinct_from(found.renew_asked_at),
        )
        .values(renew_asked_at=now)
    )
    return bool(swapped)


def _overtaken(found: Any, user_id: int, server_id: int) -> Asked:
    """Return that another admin was quicker. Raises ChangedMeanwhileError when it was the owner."""
    present = _held(user_id, server_id)
    db.session.rollback()
    is_same = (present.token_id, present.revision) == (found.token_id, found.revision)
    if not is_same or present.renew_asked_at is None:
        raise ChangedMeanwhileError
    return Asked(present.renew_asked_at, is_new=False)


def _mail_failed(user_id: int, server_id: int) -> bool:
    """Whether the ledger says last of this token's askings that a mail was not sent."""
    last = (
        select(AuditEvent.outcome)
        .where(
            AuditEvent.subject_user_id == user_id,
            AuditEvent.server_id == server_id,
            AuditEvent.action == Action.TOKEN_RENEW_ASKED.value,
        )
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    return db.session.scalar(last) == NOT_SENT
