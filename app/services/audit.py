"""Audit: what may be recorded, and the one function that records it.

An action declares exactly the keys of its details, so that an event cannot carry a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from app import clock
from app.models import Server
from app.services.actors import Actor
from app.services.ledger import append, append_all
from app.services.ledger_batch import append_to_each
from app.services.oddity_rules import note_what_is_odd
from app.services.rights import keep_right


class Action(StrEnum):
    """Every action that is recorded, or will be once one can do it. Permanent once shipped."""

    TOKEN_SAVED = "token.saved"
    TOKEN_REPLACED = "token.replaced"
    TOKEN_DELETED = "token.deleted"
    TOKEN_USED = "token.used"
    TOKEN_USE_ENDED = "token.use_ended"
    TOKEN_USE_REFUSED = "token.use_refused"
    TOKEN_UNREADABLE = "token.unreadable"
    TOKEN_CHECKED = "token.checked"
    TOKEN_REJECTED = "token.rejected"
    TOKEN_ON_HOLD = "token.on_hold"
    TOKEN_ADDRESS_CONFIRMED = "token.address_confirmed"
    TOKEN_EXPIRY_CHANGED = "token.expiry_changed"
    TOKEN_REMINDED = "token.reminded"
    TOKEN_RENEW_ASKED = "token.renew_asked"
    STORING_CHANGED = "storing.changed"
    SIGN_IN_OK = "sign_in.ok"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGN_IN_LIMITED = "sign_in.limited"
    SIGN_OUT = "sign_out"
    PASSWORD_CHANGED = "password.changed"
    PASSWORD_RESET = "password.reset"
    TOTP_ENABLED = "totp.enabled"
    TOTP_DISABLED = "totp.disabled"
    TOTP_RESET = "totp.reset"
    TOTP_REQUIRED = "totp.required"
    EMAIL_CHANGED = "account.email_changed"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_INVITED = "account.invited"
    GROUP_CHANGED = "group.changed"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_DELETED = "account.deleted"
    SESSION_ENDED = "session.ended"
    SERVER_CREATED = "server.created"
    SERVER_CHANGED = "server.changed"
    SERVER_ADDRESS_CHANGED = "server.address_changed"
    SERVER_DELETED = "server.deleted"
    ROTATION_STARTED = "rotation.started"
    ROTATION_ENDED = "rotation.ended"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_VERIFIED = "audit.verified"
    ACCESS_REFUSED = "access.refused"
    CSRF_REFUSED = "csrf.refused"
    NOTICE_DISMISSED = "notice.dismissed"
    ROLE_CHANGED = "role.changed"
    TOKENS_LOSS_ACCEPTED = "tokens.loss_accepted"


#: The chain of what concerns nobody in particular.
SYSTEM_CHAIN: Final = 0
#: Of an address written into the database by hand, which may have a longer host than any name has.
MAX_HOST_CHARS: Final = 300
#: Keys of `details`, where an action has any. Values are ours: numbers, or words from a fixed set; and the
#: name of a group as it was, an admin's word as `server_name` is, which outlives the group.
DETAIL_KEYS: Final[Mapping[Action, frozenset[str]]] = {
    Action.TOKEN_USED: frozenset({"token_source", "purpose"}),
    Action.TOKEN_USE_ENDED: frozenset({"token_source", "purpose", "milliseconds"}),
    Action.TOKEN_USE_REFUSED: frozenset({"purpose"}),
    Action.TOKEN_CHECKED: frozenset({"token_source", "reason", "milliseconds"}),
    Action.TOKEN_REMINDED: frozenset({"days"}),
    Action.SESSION_ENDED: frozenset({"sessions"}),
    Action.SERVER_ADDRESS_CHANGED: frozenset({"held_tokens"}),
    Action.SERVER_DELETED: frozenset({"deleted_tokens"}),
    Action.ACCOUNT_INVITED: frozenset({"role"}),
    Action.ACCOUNT_DELETED: frozenset({"deleted_tokens"}),
    Action.GROUP_CHANGED: frozenset({"group", "group_name"}),
    Action.AUDIT_VERIFIED: frozenset({"events", "chains"}),
    Action.ROTATION_ENDED: frozenset({"rotated", "unreadable", "left"}),
    Action.NOTICE_DISMISSED: frozenset({"notice", "event"}),
    Action.TOKENS_LOSS_ACCEPTED: frozenset({"keys", "tokens"}),
}
#: Keys that may be left out. `tool`: a server's word, through `tool_names.recorded_name` only.
OPTIONAL_KEYS: Final[Mapping[Action, frozenset[str]]] = {Action.TOKEN_USE_ENDED: frozenset({"tool"})}


def record(
    action: Action,
    actor: Actor,
    *,
    outcome: str = "ok",
    subject_user_id: int | None = None,
    server: Server | None = None,
    details: Mapping[str, str | int] | None = None,
) -> int:
    """Add the event to the current transaction and return its id; the caller commits it with what it records.

    What is odd about it is noted beside it.

    Raises LedgerClosedError when it cannot be written: then nothing of the transaction happened. Raises
    ValueError when `details` has other keys than the action declares.
    """
    event = event_of(
        action, actor, outcome=outcome, subject_user_id=subject_user_id, server=server, details=details
    )
    event_id = append(SYSTEM_CHAIN if subject_user_id is None else subject_user_id, event)
    note_what_is_odd(event, event_id)
    return event_id


def record_all(events: Sequence[Mapping[str, Any]]) -> None:
    """Add events that concern no person to the current transaction, in their order. Otherwise as `record`."""
    append_all(SYSTEM_CHAIN, events)


def record_for_each(
    action: Action, actor: Actor, subject_user_ids: Iterable[int], *, outcome: str, server: Server
) -> None:
    """Add one such event for each of these people, who all differ; as `record` does, and as fast for many."""
    event = event_of(action, actor, outcome=outcome, server=server)
    append_to_each({user_id: event | {"subject_user_id": user_id} for user_id in subject_user_ids})


def event_of(
    action: Action,
    actor: Actor,
    *,
    outcome: str = "ok",
    subject_user_id: int | None = None,
    server: Server | None = None,
    details: Mapping[str, str | int] | None = None,
) -> dict[str, Any]:
    """Return what is recorded. Raises ValueError when `details` has other keys than the action declares.

    Raises what `keep_right` raises: of what somebody has no right to any more, there is no event.
    """
    keep_right(actor)
    given = dict(details or {})
    if given.keys() - OPTIONAL_KEYS.get(action, frozenset()) != DETAIL_KEYS.get(action, frozenset()):
        raise ValueError(f"{action} has other details than it declares")
    return {
        "occurred_at": clock.now(),
        "action": action.value,
        "outcome": outcome,
        "actor_id": actor.user_id,
        "actor_name": actor.name,
        "subject_user_id": subject_user_id,
        "server_id": server.id if server else None,
        "server_name": server.name if server else None,
        "server_host": (server.host[:MAX_HOST_CHARS] or None) if server else None,
        "client_address": actor.client_address,
        "agent": actor.agent,
        "request_id": actor.request_id,
        "details": given,
    }
