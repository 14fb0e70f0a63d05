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
REMEDIES: Final = {
    SAVE: _l("Save a token"),
    REPLACE: _l("Replace"),
    CHECK: _l("Check"),
    CONFIRM_ADDRESS: _l("Review address"),
    "": "",
}


@dataclass(frozen=True)
class State:
    """How a status is told. `look` and `shape`: the badge's style and icon. `help`: one or two sentences."""

    word: Any
    look: str
    shape: str
    help: Any
    #: One of `REMEDIES`.
    remedy: str


#: Status → how it is told. An `expiring` badge says the days besides.
STATES: Final = {
    status.NONE: State(
        _l("No token"), "none", "dashed", _l("You have saved no token for this server."), SAVE
    ),
    status.UNREADABLE: State(
        _l("Cannot be read"),
        "refused",
        "octagon",
        _l("The saved token cannot be unsealed any more. It stays until you replace or delete it."),
        REPLACE,
    ),
    status.ON_HOLD: State(
        _l("On hold"),
        "on-hold",
        "pause",
        _l("The server's address changed after you saved this token, so it is on hold and not sent."),
        CONFIRM_ADDRESS,
    ),
    status.EXPIRED: State(
        _l("Expired"),
        "refused",
        "octagon",
        _l("The token is past the date you gave, so it is not sent. Get a new one and replace it."),
        REPLACE,
    ),
    status.REJECTED: State(
        _l("Rejected"),
        "refused",
        "octagon",
        _l(
            "The server rejected this token, so it is not sent again. Replace it; or, if you mended it at "
            "the provider, check it again."
        ),
        REPLACE,
    ),
    status.EXPIRING: State(
        _l("Expiring"),
        "expiring",
        "clock",
        _l("The token is sent until its date, and not after it. Get a new one and replace it in time."),
        REPLACE,
    ),
    status.ACCEPTED: State(
        _l("Accepted"),
        "accepted",
        "check",
        _l("The server takes this token, and refuses to work without one."),
        "",
    ),
    status.SAVED: State(
        _l("Saved"),
        "saved",
        "dot",
        _l("Whether the server takes this token is not proven. Check it to find out."),
        CHECK,
    ),
}

#: What is said instead where the status alone does not tell it.
NONE_NEEDED: Final = _l("You have saved none. This server may not need one.")
NOT_CHECKED: Final = _l("Not checked since it was saved. Check it to find out whether the server takes it.")
HELD_FOREIGN: Final = _l(
    "It looks like another service's token, or was configured for another server, so it is on hold and not "
    "sent until you confirm that this server may have it."
)
NOT_AVAILABLE: Final = _l(
    "This server is no longer available to you: the token is not sent, and no new one can be saved. You can "
    "only delete it."
)


def help_of(row: Any) -> Any:
    """Return what the state of a `TokenRow` means, from what is known of it besides the status."""
    if not row.is_available:
        return NOT_AVAILABLE
    if row.status == status.NONE and not row.token_required:
        return NONE_NEEDED
    if row.status == status.ON_HOLD and not row.bound_url:
        return HELD_FOREIGN
    if row.status in (status.SAVED, status.ACCEPTED):
        return checks.REASONS.get(row.last_check_reason or "", NOT_CHECKED)
    return STATES[row.status].help
