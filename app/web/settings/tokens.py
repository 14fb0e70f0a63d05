"""Settings → Tokens: the list, one token's form, and deleting tokens."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.errors import (
    BusyError,
    ChangedMeanwhileError,
    InvalidInputError,
    MarketError,
    NotThereError,
    TokenRejectedError,
)
from app.services.oddities import oddities_of
from app.services.renewals import list_askings
from app.services.token_list import Filter, TokenRow, get_row, list_all_held, list_tokens
from app.services.token_status import HELD, SAVED
from app.services.tokens import (
    Saved,
    delete_all_tokens,
    delete_token,
    save_checked_token,
    save_token,
)
from app.web import current, messages
from app.web.access import KEPT_CHOICES
from app.web.forms import EXPIRY_CHOICES, ConfirmForm, ExpiryForm, PasswordForm, TokenForm
from app.web.outcomes import what_was_saved
from app.web.problems import retry_headers, status_of

#: What of the list's address goes along to a token's page, so that one comes back to the same place.
PLACE: Final = ("q", "status", "after", "back")
#: `?back=` of who came from the playground.
PLAYGROUND: Final = "playground"
#: The server whose token was saved last, until the list has offered what there is to offer.
JUST_SAVED: Final = "just_saved"


def list_page() -> ResponseReturnValue:
    """Show every server with what may be shown of my token for it."""
    wanted = Filter(
        query=request.args.get("q", "").strip(),
        status=request.args.get("status", ""),
        after=request.args.get("after", ""),
    )
    page = list_tokens(current.user(), wanted)
    not_stored = current.not_stored()
    return render_template(
        "settings/tokens.html",
        page=page,
        wanted=wanted,
        place=place(),
        saved=_just_saved(page.counts[HELD]),
        expiry_choices=EXPIRY_CHOICES,
        odd=oddities_of(current.user()),
        # Whose tokens are not stored could not do what was asked.
        askings=[] if not_stored else list_askings(current.user()),
        not_stored=not_stored,
    )


def token_page(server_id: int) -> ResponseReturnValue:
    """Show one token's form; save or replace the token, and lead back to the list."""
    row = get_row(current.user(), server_id)
    if request.method == "POST" and not row.is_usable:
        raise NotThereError
    # After a sign-in in between, one comes back with one's choices in the address, never with the token.
    kept: dict[str, Any] = {name: request.args[name] for name in KEPT_CHOICES if request.args.get(name)}
    form = TokenForm(**kept)
    if not form.validate_on_submit():
        return show_token(row, form, 422 if form.is_submitted() else 200)
    try:
        saved = _save(server_id, form)
    except InvalidInputError as error:
        form.show(error)
        return show_token(get_row(current.user(), server_id), form, 422)
    except TokenRejectedError:
        form.say("token", messages.of_code("token_rejected_not_saved"))
        return show_token(row, form, 422)
    except ChangedMeanwhileError:
        form.say("", messages.of_code("token_changed_meanwhile"))
        return show_token(get_row(current.user(), server_id), form, 409)
    except BusyError as error:
        return show_token(row, form, problem=error)
    good = saved.verdict is None or saved.verdict.result == "accepted"
    flash(what_was_saved(row.name, saved), "success" if good else "info")
    session[JUST_SAVED] = server_id
    return redirect(_back(server_id), code=303)


def show_token(
    row: TokenRow,
    form: TokenForm | None = None,
    status: int = 200,
    problem: MarketError | None = None,
    expiry_form: ExpiryForm | None = None,
) -> ResponseReturnValue:
    """Return a token's page, with what is wrong in a form, or with a problem above it and its status.

    A form that is not given was not the one that was sent: it is shown as on a page just opened.
    """
    not_stored = current.not_stored()
    form = form or TokenForm(is_sent=False)
    if problem is not None:
        status = status_of(problem)
        form.say("", messages.of_error(problem, not_stored))
    page = render_template(
        "settings/token.html",
        row=row,
        form=form,
        expiry_form=expiry_form or ExpiryForm(is_sent=False),
        place=place(),
        not_stored=not_stored,
    )
    return page, status, retry_headers(status)


def delete_page(server_id: int) -> ResponseReturnValue:
    """Ask, then delete the token here. Works whatever state token, server and key are in."""
    row = get_row(current.user(), server_id)
    form = ConfirmForm()
    if form.validate_on_submit():
        if delete_token(current.user(), server_id, current.actor()):
            flash(
                _("Token for %(server)s deleted here. It was not revoked at the provider.", server=row.name),
                "success",
            )
        else:
            flash(_("There was no token for %(server)s any more.", server=row.name), "info")
        # Where nothing can be called, there is nothing to come back to.
        return redirect(_back(server_id) if row.is_usable else url_for("settings.tokens"), code=303)
    if not row.has_token:
        return redirect(url_for("settings.token", server_id=server_id), code=303)
    return render_template("settings/delete_token.html", row=row, form=form, place=place())


def delete_all_page() -> ResponseReturnValue:
    """List what will go, with where each provider keeps its tokens; then delete all. Contacts nobody."""
    rows = list_all_held(current.user())
    form = PasswordForm()
    deleted = None
    if form.validate_on_submit():
        try:
            deleted = delete_all_tokens(current.user(), form.password.data or "", current.visitor())
        except InvalidInputError as error:
            form.show(error)
    status = 422 if form.errors else 200
    # Not redirected: the links are needed now, and by then nothing here knows any more which they were.
    return render_template("settings/delete_all.html", rows=rows, form=form, deleted=deleted), status


def place() -> str:
    """Return the query string that leads back to the same place in the list, "" for its beginning."""
    kept = {name: request.args[name] for name in PLACE if request.args.get(name)}
    return f"?{urlencode(kept)}" if kept else ""


def _save(server_id: int, form: TokenForm) -> Saved:
    new = form.new_token()
    if form.check.data:
        return save_checked_token(current.user(), server_id, new, door=current.door())
    return save_token(current.user(), server_id, new, keys=current.keys(), actor=current.actor())


def _just_saved(held: int) -> TokenRow | None:
    """Return the row that was saved a moment ago, when something is still to be offered for it; once.

    Of the first token that somebody holds, it is how to go on.
    """
    server_id = session.pop(JUST_SAVED, None)
    if server_id is None:
        return None
    try:
        row = get_row(current.user(), server_id)
    except NotThereError:
        return None
    is_asked = row.status == SAVED or row.offered_expires_at or held == 1
    return row if row.has_token and is_asked else None


def _back(server_id: int) -> str:
    if request.args.get("back") == PLAYGROUND:
        return url_for("playground.server", server_id=server_id)
    return f"{url_for('settings.tokens')}{place()}#server-{server_id}"
