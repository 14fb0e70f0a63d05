"""`flask tokens expiring|remind`: who holds a token that ends, and the mail that tells them."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_babel import force_locale

from app.cli.acting import acting
from app.cli.tokens import AS_JSON
from app.errors import LedgerClosedError, MailError
from app.mail import ADDRESS, REFUSED, MailSettings, Message, Post
from app.mcp.texts import clean_text
from app.services.actors import Actor
from app.services.ending_tokens import EndingToken, list_ending_tokens
from app.services.reminders import (
    claim_reminders,
    due_reminders,
    forget_moved_reminders,
    release_reminders,
)
from app.words import reminders as words
from app.words.languages import language_for

logger = logging.getLogger(__name__)

#: When the server hung up, or said nothing, over so many mails in a row, it is left alone.
LOST_IN_A_ROW: Final = 10
NAME_CHARS: Final = 60
WHY: Final = {
    "unreachable": "The mail server did not answer. See SMTP_HOST and SMTP_PORT.",
    "not_secure": "No secure connection to the mail server. See its certificate, and SMTP_SECURITY.",
    "sign_in": "The mail server refused SMTP_USERNAME and SMTP_PASSWORD.",
    "refused": "The mail server refused a mail. Its own log says why.",
    "address": "A mail was not sent, because its headers would not have been ours.",
}


@dataclass
class RemindReport:
    """Counts: mails sent, mails due that were not, and the tokens that those sent were about."""

    sent: int = 0
    failed: int = 0
    tokens: int = 0


@click.command("expiring")
@AS_JSON
@with_appcontext
def expiring(as_json: bool) -> None:
    """List tokens that have expired or will within 14 days, the first to end first.

    Those of disabled people, for disabled servers and for servers that their owner may not use any more are
    left out: nobody could replace them.
    """
    found = list_ending_tokens()
    if as_json:
        click.echo(json.dumps({"tokens": [_row(token) for token in found]}))
        return
    if not found:
        click.echo("No token has expired or will within 14 days.")
        return
    _list(found)


@click.command("remind")
@click.option("--dry-run", is_flag=True, help="Say who would be reminded of what; send and write nothing.")
@AS_JSON
@with_appcontext
def remind(dry_run: bool, as_json: bool) -> None:
    """Mail people whose tokens end: 14, 7 and 1 days before, and when they have. For cron, once a day.

    Each stage of each token once, however often this is run. Exits with 1 when a mail was not sent.
    """
    settings = _mail_settings()
    if dry_run:
        due = due_reminders()
        report = RemindReport(sent=len(due), tokens=sum(len(tokens) for tokens in due.values()))
        if due and not as_json:
            _list([token for tokens in due.values() for token in tokens])
    else:
        try:
            report = remind_everyone(settings, acting())
        except LedgerClosedError:
            raise click.ClickException("The audit log takes no events, so nobody else is reminded.") from None
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        _tell(report, dry_run=dry_run)
    if report.failed:
        sys.exit(1)


def remind_everyone(settings: MailSettings, actor: Actor) -> RemindReport:
    """Send one mail to each person with due reminders, over one connection.

    The connection comes first, then the claim, then the mail: a mail server that is down costs nobody a
    stage and writes no event. Raises LedgerClosedError, after what was sent until then.
    """
    forget_moved_reminders()
    people = list(due_reminders())
    report, lost = RemindReport(), 0
    with Post(settings) as post:
        for place, user_id in enumerate(people):
            claimed: list[EndingToken] = []
            try:
                post.ready()
                claimed = claim_reminders(user_id, actor)
                if claimed:
                    post.send(_mail(claimed))
            except MailError as error:
                release_reminders(claimed, actor)
                _note(error, user_id, claimed)
                lost = 0 if error.reason in {REFUSED, ADDRESS} else lost + 1
                if not claimed or lost == LOST_IN_A_ROW:
                    # Nobody else could be sent a mail either; they are tried by the next run.
                    report.failed += len(people) - place
                    break
                report.failed += 1
            else:
                lost = 0
                report.sent += bool(claimed)
                report.tokens += len(claimed)
    return report


def _mail(tokens: Sequence[EndingToken]) -> Message:
    """Return the mail about one person's tokens, in their language."""
    with force_locale(language_for(tokens[0].locale)):
        is_stored = tokens[0].stores_tokens and current_app.extensions["keys"].stores_tokens
        text = words.body(tokens, current_app.config["SITE_URL"], is_stored=is_stored)
        return Message(tokens[0].email, words.subject(tokens), text)


def _note(error: MailError, user_id: int, claimed: Sequence[EndingToken]) -> None:
    """Log why, and say it; nothing was claimed when it is about nobody's mail in particular."""
    logger.warning("A reminder was not sent.", extra={"user_id": user_id, "reason": error.reason})
    click.echo(f"{claimed[0].email}: {WHY[error.reason]}" if claimed else WHY[error.reason], err=True)


def _mail_settings() -> MailSettings:
    settings = MailSettings.of(current_app.config)
    if settings is None:
        raise click.ClickException("SMTP_HOST is not set, so no mail is sent. README.md names the settings.")
    return settings


def _row(token: EndingToken) -> dict[str, Any]:
    return {
        "user_id": token.user_id,
        "email": token.email,
        "server_id": token.server_id,
        "server": token.server,
        "expires_at": token.expires_at.isoformat(),
        "days_left": token.days_left,
        "status": token.status,
    }


def _list(tokens: Sequence[EndingToken]) -> None:
    """Print columns. The server comes last: how wide its letters are, no terminal agrees."""
    width = max(len(token.email) for token in tokens)
    click.echo(f"{'EXPIRES (UTC)':<16}  {'DAYS':>4}  {'STATUS':<10}  {'E-MAIL':<{width}}  SERVER")
    for token in tokens:
        when = f"{token.expires_at:%Y-%m-%d %H:%M}"
        server = clean_text(token.server, NAME_CHARS)
        click.echo(f"{when}  {token.days_left:>4}  {token.status:<10}  {token.email:<{width}}  {server}")


def _tell(report: RemindReport, *, dry_run: bool) -> None:
    if not report.sent and not report.failed:
        click.echo("Nothing to do: nobody is to be reminded of anything now.")
        return
    click.echo(f"{'Mails that would be sent' if dry_run else 'Mails sent'}: {report.sent}")
    click.echo(f"Tokens they are about: {report.tokens}")
    if report.failed:
        click.echo(f"Mails that were not sent: {report.failed}. Run it again to try these anew.")
