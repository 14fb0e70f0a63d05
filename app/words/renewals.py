"""Renewals: what a mail says of a token that somebody is asked to renew. No hint is told, nor who asked."""

from __future__ import annotations

from typing import Final

from flask_babel import force_locale, gettext

from app.mcp.texts import clean_text
from app.services.renewals import RenewalRequest
from app.words.languages import language_for

NAME_CHARS: Final = 100
SUBJECT_NAME_CHARS: Final = 60


def letter(request: RenewalRequest, site_url: str) -> tuple[str, str, str]:
    """Return address, subject and text of the mail, in the language of the person."""
    with force_locale(language_for(request.locale)):
        return request.email, _subject(request), _body(request, site_url)


def _subject(request: RenewalRequest) -> str:
    return str(gettext("Please renew your token for %(server)s", server=_name(request, SUBJECT_NAME_CHARS)))


def _body(request: RenewalRequest, site_url: str) -> str:
    name = _name(request, NAME_CHARS)
    paragraphs = [
        gettext(
            "An admin of %(site)s asks you to renew the token that you saved there for %(server)s.",
            site=site_url,
            server=name,
        ),
        gettext("Replace it: %(link)s", link=f"{site_url}/settings/tokens/{request.server_id}"),
        gettext(
            "Get a new token from the server's provider, and save it on that page in place of the old one. "
            "If you do not need it any more, delete it there."
        ),
        gettext(
            "We never ask for a token by mail. This mail was sent automatically; nobody reads answers to it."
        ),
    ]
    return "\n\n".join(str(paragraph) for paragraph in paragraphs) + "\n"


def _name(request: RenewalRequest, limit: int) -> str:
    """Return the server's name in one line, and so that no mail program makes a link of an address in it."""
    return clean_text(request.server, limit).replace("://", ": //") or f"#{request.server_id}"
