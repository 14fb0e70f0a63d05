"""One-time links: the address that a person is given, and the mail that brings it.

A link is a secret. It stands on the page, or in the answer, that was asked to make it, and in the mail to its
person; in no redirect, cookie, log or event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Final

from flask import current_app, request
from flask_babel import force_locale

from app.errors import MailError
from app.mail import MailSettings, Message, send
from app.services.one_time_links import OneTimeLink
from app.web import current
from app.words import people as words
from app.words.languages import language_for

logger = logging.getLogger(__name__)

#: What became of the mail. `NO_MAIL`: no mail server is set.
SENT: Final = "sent"
FAILED: Final = "failed"
NO_MAIL: Final = "off"
MAIL_OUTCOMES: Final = (SENT, FAILED, NO_MAIL)


def address_of(link: OneTimeLink) -> str:
    """Return the link as its person opens it: at `SITE_URL`, else where this request was sent to."""
    site = current_app.config["SITE_URL"] or request.host_url.rstrip("/")
    return str(site) + current_app.url_map.bind("").build("auth.reset_password", {"code": link.code})


def can_mail() -> bool:
    """Whether a mail server is set."""
    return MailSettings.of(current_app.config) is not None


def place_to_wait() -> AbstractContextManager[None]:
    """Hold one of the places for waiting, around making a link and mailing it, where mails are sent.

    A mail server may take its time, and a thread that waits serves nobody. Raises BusyError, before a link
    is made that nobody would get.
    """
    return current.door().slots.take(current.user().id) if can_mail() else nullcontext()


def mail_invitation(link: OneTimeLink) -> str:
    """Mail an invitation to its person; return one of `MAIL_OUTCOMES`. Waits for the mail server."""
    return _mail(link, words.invitation_subject, words.invitation_body)


def mail_password_link(link: OneTimeLink) -> str:
    """Mail a link to a new password to its person; return one of `MAIL_OUTCOMES`. Waits likewise."""
    return _mail(link, words.password_link_subject, words.password_link_body)


def _mail(link: OneTimeLink, subject: Callable[[], str], body: Callable[[str, datetime, str], str]) -> str:
    """Send it. Call it after the commit: no transaction is open while the mail server is waited for."""
    settings = MailSettings.of(current_app.config)
    if settings is None:
        return NO_MAIL
    with force_locale(language_for(link.locale)):
        text = body(address_of(link), link.expires_at, current_app.config["SITE_URL"])
        message = Message(link.email, subject(), text)
    try:
        send(message, settings)
    except MailError as error:
        extra = {"user_id": link.user_id, "reason": error.reason}
        logger.warning("A one-time link was not mailed.", extra=extra)
        return FAILED
    return SENT
