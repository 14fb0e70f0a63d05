"""Renewing: asking for a renewal from a request, by page and API alike, and what came of it in words."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Final

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import mail
from app.mail import MailSettings, Message
from app.services.renewals import Asked, RenewalRequest, ask_to_renew
from app.services.token_matrix import Cell
from app.web import current
from app.web.foreign import visible
from app.words.renewals import letter

#: Reasons of a mail's failure, for admins.
MAIL_PROBLEMS: Final = {
    mail.UNREACHABLE: _l("the mail server did not answer"),
    mail.NOT_SECURE: _l("there was no secure connection to the mail server"),
    mail.SIGN_IN: _l("the mail server refused our user name and password"),
    mail.REFUSED: _l("the mail server refused it"),
    mail.ADDRESS: _l("its headers would not have been ours"),
}


def ask(user_id: int, server_id: int, version: str | None) -> Asked:
    """Ask, and send the mail where mails are sent. Raises what `ask_to_renew` raises, and BusyError.

    A mail server may take its time: waiting for it takes one of the places for waiting.
    """
    settings = MailSettings.of(current_app.config)

    def send(request: RenewalRequest) -> None:
        if settings:
            mail.send(Message(*letter(request, current_app.config["SITE_URL"])), settings)

    door = current.door()
    with door.slots.take(current.user().id) if settings else nullcontext():
        return ask_to_renew(
            user_id,
            server_id,
            version,
            keys=door.keys,
            actor=door.actor,
            send=send if settings else None,
        )


def what_came_of(asked: Asked, cell: Cell) -> tuple[str, str]:
    """Return a sentence and the category of its notice."""
    names = {"person": cell.email, "server": visible(cell.server)}
    if not asked.is_new:
        return _(
            "%(person)s was asked already within the last day to renew the token for %(server)s, so nothing "
            "was sent.",
            **names,
        ), "info"
    if asked.problem:
        text = _(
            "%(person)s will see on their page that they are asked to renew the token for %(server)s, but "
            "the mail was not sent: %(why)s.",
            why=MAIL_PROBLEMS[asked.problem],
            **names,
        )
        return text, "error"
    if asked.mail == "sent":
        return _("%(person)s was asked by mail to renew the token for %(server)s.", **names), "success"
    return _(
        "%(person)s will see on their page that they are asked to renew the token for %(server)s. No mail is "
        "sent here.",
        **names,
    ), "success"
