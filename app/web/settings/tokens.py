"""Settings → Tokens: the list, one token's form, and deleting it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.errors import InvalidInputError
from app.services.oddities import oddities_of
from app.services.token_list import Filter, TokenRow, get_row, list_tokens
from app.services.tokens import Saved, delete_token, save_token
from app.web import current
from app.web.access import KEPT_CHOICES
from app.web.forms import EXPIRY_CHOICES, ConfirmForm, TokenForm

#: What of the list's address goes along to a token's page, so that one comes back to the same place.
PLACE: Final = ("q", "status", "after")
#: What `Saved.changed` names, in words.
TAKEN_OFF: Final = {
    "name": _l("the name and equals sign before it"),
    "json": _l("the JSON around it"),
    "header": _l("the header name before it"),
    "scheme": _l("the scheme word before it, which is added when it is sent"),
}


def list_page() -> ResponseReturnValue:
    """Show every server with what may be shown of my token for it."""
    wanted = Filter(
        query=request.args.get("q", "").strip(),
        status=request.args.get("status", ""),
        after=request.args.get("after", ""),
    )
    page = list_tokens(current.user(), wanted)
    return render_template(
        "settings/tokens.html",
        page=page,
        wanted=wanted,
        place=_place(),
        expiry_choices=EXPIRY_CHOICES,
        odd=oddities_of(current.user()),
    )


def token_page(server_id: int) -> ResponseReturnValue:
    """Show one token's form; save or replace the token, and lead back to the list."""
    row = get_row(current.user(), server_id)
    # After a sign-in in between, one comes back with one's choices in the address, never with the token.
    form = TokenForm(**{name: request.args[name] for name in KEPT_CHOICES if request.args.get(name)})
    if form.validate_on_submit():
        try:
            new = form.new_token()
            saved = save_token(current.user(), server_id, new, keys=current.keys(), actor=current.actor())
        except InvalidInputError as error:
            form.show(error)
        else:
            flash(_what_was_saved(row, saved), "success")
            return redirect(_back(server_id), code=303)
    status = 422 if form.is_submitted() else 200
    return render_template("settings/token.html", row=row, form=form, place=_place()), status


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
        return redirect(_back(server_id), code=303)
    if not row.has_token:
        return redirect(url_for("settings.token", server_id=server_id), code=303)
    return render_template("settings/delete_token.html", row=row, form=form, place=_place())


def _what_was_saved(row: TokenRow, saved: Saved) -> str:
    if saved.created:
        text = str(_("Token saved for %(server)s.", server=row.name))
    else:
        text = str(_("Token replaced for %(server)s.", server=row.name))
    if saved.changed:
        parts = ", ".join(str(TAKEN_OFF[word]) for word in saved.changed)
        text += " " + _("Taken off the paste: %(parts)s.", parts=parts)
    return text


def _place() -> str:
    """Return the query string that leads back to the same place in the list, "" for its beginning."""
    kept = {name: request.args[name] for name in PLACE if request.args.get(name)}
    return f"?{urlencode(kept)}" if kept else ""


def _back(server_id: int) -> str:
    return f"{url_for('settings.tokens')}{_place()}#server-{server_id}"
