"""Outcomes: what came of a save or a check, in words. No text holds a value that a person typed."""

from __future__ import annotations

from typing import Final

from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.mcp.checks import Verdict
from app.services.tokens import Saved
from app.web.foreign import visible
from app.words import checks

#: Of servers that have the same token.
MOST_NAMES: Final = 3
#: What `Saved.changed` names, in words.
TAKEN_OFF: Final = {
    "quotes": _l("the quotes around it"),
    "name": _l("the name before it"),
    "json": _l("the JSON around it"),
    "header": _l("the header name before it"),
    "scheme": _l("the scheme word before it, which is added when it is sent"),
}


def what_was_saved(server: str, saved: Saved) -> str:
    """Return what a save did, what was taken off the paste, and what its owner should know of the token."""
    if saved.created:
        sentences = [_("Token saved for %(server)s.", server=server)]
    else:
        sentences = [_("Token replaced for %(server)s.", server=server)]
    if saved.changed:
        parts = ", ".join(str(TAKEN_OFF[word]) for word in saved.changed)
        sentences.append(_("Taken off the paste: %(parts)s.", parts=parts))
    if saved.verdict:
        sentences.append(what_was_found(saved.verdict))
    if saved.also_saved_for:
        # Not all of a hundred: what is flashed travels in a cookie, which has no room for them.
        names = [*saved.also_saved_for[:MOST_NAMES]]
        if len(saved.also_saved_for) > MOST_NAMES:
            names.append("…")
        sentences.append(
            _(
                "You have saved the same token for %(servers)s too: is it meant for all of them?",
                servers=", ".join(names),
            )
        )
    if saved.stated_expires_at:
        day = format_date(saved.stated_expires_at)
        sentences.append(_("The token itself says that it ends on %(day)s.", day=day))
    return " ".join(str(sentence) for sentence in sentences)


def what_was_found(verdict: Verdict) -> str:
    """Return what a check found, in one or two sentences."""
    text = f"{checks.RESULTS[verdict.result]}: {checks.REASONS[verdict.reason]}"
    if verdict.identity:
        text += " " + _("Signed in there as %(name)s.", name=visible(verdict.identity))
    return text
