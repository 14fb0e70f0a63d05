"""Token states: for each status its word, what it means, and the one thing that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask_babel import lazy_gettext as _l

from app.services import token_status as status
from app.words import checks

#: What one can do about a state; a public word of the API, "" for nothing.
SAVE: Final = "save"
REPLACE: Final = "replace"
CHECK: Final = "check"
CONFIRM_ADDRESS: Final = "confirm_address"
DELETE: Final = "delete"
TYPE: Final = "type"
REMEDIES: Final = {
    SAVE: _l("Save a token"),
    REPLACE: _l("Replace"),
    CHECK: _l("Check"),
    CONFIRM_ADDRESS: _l("Review address"),
    DELETE: _l("Delete"),
    TYPE: _l("Use in the playground"),
    "": "",
}


@dataclass(frozen=True)
class State:
    """How a status is told. `look` and `shape`: the badge's style and icon."""

    word: Any
    look: str
    shape: str
    #: What is so, in a sentence that is true wherever and by whomever it is read.
    fact: Any
    #: What to do about it, "" for nothing, where tokens are stored; `remedy` is one of `REMEDIES`.
    advice: Any
    remedy: str


#: Status → how it is told. An `expiring` badge says the days besides.
STATES: Final = {
    status.NONE: State(
        _l("No token"), "none", "dashed", _l("You have saved no token for this server."), "", SAVE
    ),
    status.UNREADABLE: State(
        _l("Cannot be read"),
        "refused",
        "octagon",
        _l("The saved token cannot be unsealed any more, so it is not sent."),
        _l("It stays until you replace or delete it."),
        REPLACE,
    ),
    status.ON_HOLD: State(
        _l("On hold"),
        "on-hold",
        "pause",
        _l("The server's address changed after you saved this token, so it is on hold and not sent."),
        "",
        CONFIRM_ADDRESS,
    ),
    status.EXPIRED: State(
        _l("Expired"),
        "refused",
        "octagon",
        _l("The token is past the date you gave, so it is not sent."),
        _l("Get a new one and replace it."),
        REPLACE,
    ),
    status.REJECTED: State(
        _l("Rejected"),
        "refused",
        "octagon",
        _l("The server rejected this token, so it is not sent again."),
        _l("Replace it; or, if you mended it at the provider, check it again."),
        REPLACE,
    ),
    status.EXPIRING: State(
        _l("Expiring"),
        "expiring",
        "clock",
        _l("The token is sent until its date, and not after it."),
        _l("Get a new one and replace it in time."),
        REPLACE,
    ),
    status.ACCEPTED: State(
        _l("Accepted"),
        "accepted",
        "check",
        _l("The server takes this token, and refuses to work without one."),
        "",
        "",
    ),
    status.SAVED: State(
        _l("Saved"),
        "saved",
        "dot",
        _l("Whether the server takes this token is not proven."),
        _l("Check it to find out."),
        CHECK,
    ),
}

#: What is said instead where the status alone does not tell it.
NONE_NEEDED: Final = _l("You have saved none. This server may not need one.")
NOT_CHECKED: Final = _l("Not checked since it was saved.")
CHECK_IT: Final = _l("Check it to find out whether the server takes it.")
HELD_FOREIGN: Final = _l(
    "It looks like another service's token, or was configured for another server, so it is on hold and not "
    "sent."
)
CONFIRM_IT: Final = _l("Confirm it if this server may have it.")
NOT_AVAILABLE: Final = _l(
    "This server is no longer available to you: the token is not sent, and no new one can be saved."
)
DELETE_ONLY: Final = _l("You can only delete it.")
#: What is advised, of every status alike, where tokens are not stored: there one can save and replace none.
NONE_STORED: Final = _l("None is stored for this server.")
NONE_STORED_NOR_NEEDED: Final = _l("None is stored, and this server may not need one.")
TYPE_ONE: Final = _l("Type one for each call in the playground.")
DELETE_IT: Final = _l(
    "It is from before storing was turned off: delete it here, and type one for each call in the playground."
)


def help_of(row: Any, not_stored: str | None = None) -> str:
    """Return what the state of a `TokenRow` means, and what to do about it, in one to three sentences.

    `not_stored`: who turned storing off for its owner, None where it is on.
    """
    fact, advice = _told(row)
    if not_stored and row.status == status.NONE:
        fact, advice = NONE_STORED if row.token_required else NONE_STORED_NOR_NEEDED, TYPE_ONE
    elif not_stored and row.is_available:
        advice = DELETE_IT
    return f"{fact} {advice}".strip()


def told_by(row: Any) -> tuple[Any, ...]:
    """Return all of a `TokenRow` that `help_of` looks at: of rows alike in it, the same is said."""
    return row.is_available, row.status, row.token_required, not row.bound_url, row.last_check_reason


def remedy_of(row: Any, not_stored: str | None = None) -> str:
    """Return the one thing that mends it, a key of `REMEDIES`. `not_stored` as for `help_of`."""
    if not row.is_available:
        return DELETE
    if not_stored:
        return TYPE if row.status == status.NONE else DELETE
    return STATES[row.status].remedy


def _told(row: Any) -> tuple[Any, Any]:
    """Return fact and advice, from what is known of the token besides its status."""
    if not row.is_available:
        return NOT_AVAILABLE, DELETE_ONLY
    if row.status == status.NONE and not row.token_required:
        return NONE_NEEDED, ""
    if row.status == status.ON_HOLD and not row.bound_url:
        return HELD_FOREIGN, CONFIRM_IT
    if row.status in (status.SAVED, status.ACCEPTED):
        found = checks.REASONS.get(row.last_check_reason or "")
        return (NOT_CHECKED, CHECK_IT) if found is None else (found, "")
    return STATES[row.status].fact, STATES[row.status].advice
