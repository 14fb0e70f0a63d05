"""Admin → Encryption: which keys there are, what they are needed for, and what to do next."""

from __future__ import annotations

from typing import Final

from flask import render_template
from flask.typing import ResponseReturnValue

from app.services.key_status import key_statuses, last_rotation, what_to_do
from app.web import current

#: `flask tokens status` has the exact number.
COUNTED_TO: Final = 1000


def show() -> ResponseReturnValue:
    """Show the keys. Nothing here takes a secret: those never pass through a browser."""
    keys = key_statuses(current.keys(), count_to=COUNTED_TO)
    todo = what_to_do(keys, can_seal=current.keys().problem() is None)
    return render_template("admin/encryption.html", keys=keys, todo=todo, rotation=last_rotation())
