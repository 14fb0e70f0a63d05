"""People: their roles and states in words, and the mails with a one-time link."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flask_babel import gettext, lazy_pgettext
from flask_babel import lazy_gettext as _l

from app.words.times import moment

ROLES: Final = {"user": _l("User"), "auditor": _l("Auditor"), "admin": lazy_pgettext("role", "Admin")}
#: What each may do, in a few words.
ROLES_MAY: Final = {
    "user": _l("keeps and uses their own tokens"),
    "auditor": _l("reads the audit log besides, and nothing else"),
    "admin": _l("keeps catalogue and people, and reads the audit log; never a token"),
}
#: Instead of a role, in the form for inviting.
AS_BEFORE: Final = _l("As invited before")
AS_BEFORE_MEANS: Final = _l("who was not becomes a user")
STATES: Final = {"invited": _l("Invited"), "active": _l("Active"), "disabled": _l("Disabled")}


def invitation_subject() -> str:
    """Return the subject of the mail to who is invited, in the current language."""
    return str(gettext("You are invited to MCP Market"))


def invitation_body(link: str, until: datetime, site_url: str) -> str:
    """Return its text. Nothing in it is anybody's typing."""
    return _paragraphs(
        gettext(
            "You are invited to MCP Market at %(site)s, which keeps your tokens for MCP servers, sealed.",
            site=site_url,
        ),
        gettext("Choose a password here: %(link)s", link=link),
        _once(until),
        gettext("If you expected no invitation, do nothing: without a password of yours, nobody signs in."),
    )


def password_link_subject() -> str:
    """Return the subject of the mail with a link to a new password, in the current language."""
    return str(gettext("Set a new password for MCP Market"))


def password_link_body(link: str, until: datetime, site_url: str) -> str:
    """Return its text. Nothing in it is anybody's typing."""
    return _paragraphs(
        gettext("An admin of MCP Market at %(site)s lets you set a new password.", site=site_url),
        gettext("Set it here: %(link)s", link=link),
        _once(until),
        gettext("If you asked for nothing, do nothing: your password stays as it is."),
    )


def _once(until: datetime) -> str:
    when = moment(until)
    text = gettext("The link works once, until %(when)s. Whoever has it can sign in as you.", when=when)
    return str(text)


def _paragraphs(*paragraphs: str) -> str:
    last = gettext("This mail was sent automatically; nobody reads answers to it.")
    return "\n\n".join(str(paragraph) for paragraph in (*paragraphs, last)) + "\n"
