"""Reminders: what a mail says of tokens that end. Names of servers are strangers' texts; no hint is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask_babel import gettext, ngettext

from app.mcp.texts import clean_text
from app.services.ending_tokens import EndingToken
from app.words.times import moment

NAME_CHARS: Final = 100
SUBJECT_NAME_CHARS: Final = 60


def subject(tokens: Sequence[EndingToken]) -> str:
    """Return the subject of a mail about these tokens, one or more, in the current language."""
    if len(tokens) > 1:
        return str(
            ngettext(
                "%(num)d of your tokens expires soon or has expired",
                "%(num)d of your tokens expire soon or have expired",
                len(tokens),
            )
        )
    token = tokens[0]
    name = _name(token, SUBJECT_NAME_CHARS)
    if not token.days_left:
        return str(gettext("Your token for %(server)s has expired", server=name))
    return str(
        ngettext(
            "Your token for %(server)s expires in %(num)d day",
            "Your token for %(server)s expires in %(num)d days",
            token.days_left,
            server=name,
        )
    )


def body(tokens: Sequence[EndingToken], site_url: str, *, is_stored: bool = True) -> str:
    """Return the text: each server, what happens to its token when, and the page that mends it.

    `is_stored` False: this person's tokens are not stored any more, so they can save none in its place.
    """
    if is_stored:
        advice = gettext(
            "Get a new token from the server's provider, and save it on that page in place of the old one. "
            "If you do not need it any more, delete it there."
        )
    else:
        advice = gettext(
            "Your tokens are not stored there any more; these are from before. Delete them on those pages, "
            "and type a token for each call in the playground."
        )
    paragraphs = [
        ngettext(
            "This is about %(num)d token that you saved at %(site)s, and the date that you gave for it.",
            "This is about %(num)d tokens that you saved at %(site)s, and the dates that you gave for them.",
            len(tokens),
            site=site_url,
        ),
        *(_paragraph(token, site_url, is_stored=is_stored) for token in tokens),
        advice,
        gettext(
            "We never ask for a token by mail. This mail was sent automatically; nobody reads answers to it."
        ),
    ]
    return "\n\n".join(str(paragraph) for paragraph in paragraphs) + "\n"


def _paragraph(token: EndingToken, site_url: str, *, is_stored: bool) -> str:
    when = moment(token.expires_at)
    if token.days_left:
        what = ngettext(
            "Expires in %(num)d day, on %(when)s. After that it will not be sent.",
            "Expires in %(num)d days, on %(when)s. After that it will not be sent.",
            token.days_left,
            when=when,
        )
    else:
        what = gettext("Expired on %(when)s. It is not sent any more.", when=when)
    page = f"{site_url}/settings/tokens/{token.server_id}"
    link = (
        gettext("Replace it: %(link)s", link=page)
        if is_stored
        else gettext("Delete it: %(link)s", link=f"{page}/delete")
    )
    return f"* {_name(token, NAME_CHARS)}\n  {what}\n  {link}"


def _name(token: EndingToken, limit: int) -> str:
    """Return the server's name in one line, and so that no mail program makes a link of an address in it."""
    return clean_text(token.server, limit).replace("://", ": //") or f"#{token.server_id}"
