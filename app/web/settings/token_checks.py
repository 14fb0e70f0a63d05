"""Settings → Tokens: checking a token, confirming a new address, changing when a token expires."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.errors import (
    BusyError,
    ChangedMeanwhileError,
    InvalidInputError,
    NotThereError,
    ServerChangedError,
    TokenExpiredError,
    TokenRequiredError,
    TokenUnreadableError,
)
from app.mcp.addresses import read_address
from app.services.address_confirmation import confirm_address
from app.services.checks import check_token
from app.services.expiry import set_expiry
from app.services.token_list import TokenRow, get_row
from app.services.token_status import ON_HOLD
from app.services.uses import Typed
from app.web import current, messages
from app.web.access import KEPT_CHOICES
from app.web.address_parts import compare
from app.web.forms import AddressForm, CheckForm, ExpiryForm, TokenForm
from app.web.outcomes import what_was_found
from app.web.settings.tokens import place, show_token

#: `expires_in` of who takes the date that the token itself states.
STATED: Final = "stated"


def check(server_id: int) -> ResponseReturnValue:
    """Ask the server whether it takes the typed token, else the saved one, and say what it showed."""
    row = _usable(server_id)
    form, shown = CheckForm(), _save_form()
    if not form.validate_on_submit():
        return show_token(row, shown, 422)
    try:
        checked = check_token(current.user(), server_id, _typed(form), door=current.door())
    except InvalidInputError as error:
        shown.show(error)
        return show_token(get_row(current.user(), server_id), shown, 422)
    except (
        BusyError,
        ServerChangedError,
        TokenExpiredError,
        TokenRequiredError,
        TokenUnreadableError,
    ) as error:
        return show_token(get_row(current.user(), server_id), shown, problem=error)
    text = what_was_found(checked.verdict)
    if checked.token_source == "request":
        text = _("The token you typed (nothing was saved): %(found)s", found=text)
    else:
        text = _("Your saved token: %(found)s", found=text)
    flash(text, "success" if checked.verdict.result == "accepted" else "info")
    return redirect(url_for("settings.token", server_id=server_id) + place(), code=303)


def confirm(server_id: int) -> ResponseReturnValue:
    """Show the address the token was saved for and the present one; release the token for the latter."""
    row = _usable(server_id)
    form = AddressForm(address=row.url)
    if row.status != ON_HOLD:
        return redirect(url_for("settings.token", server_id=server_id) + place(), code=303)
    if form.validate_on_submit():
        try:
            confirm_address(
                current.user(),
                server_id,
                form.address.data or "",
                form.password.data or "",
                keys=current.keys(),
                visitor=current.visitor(),
            )
        except InvalidInputError as error:
            form.show(error)
            row = _usable(server_id)
            # The address to be confirmed is the one that this answer shows.
            form.address.data = row.url
        else:
            flash(
                _(
                    "The token for %(server)s is bound to the new address. "
                    "Check whether it is accepted there.",
                    server=row.name,
                ),
                "success",
            )
            return redirect(url_for("settings.token", server_id=server_id) + place(), code=303)
    page = render_template(
        "settings/confirm_address.html",
        row=row,
        form=form,
        place=place(),
        not_stored=current.not_stored(),
        compared=compare(row.bound_url or "", row.url),
        is_fit=_is_fit(row.url),
    )
    return page, 422 if form.is_submitted() else 200


def expiry(server_id: int) -> ResponseReturnValue:
    """Change when the saved token stops being sent."""
    row = get_row(current.user(), server_id)
    if not row.has_token or not row.is_available:
        raise NotThereError
    form = ExpiryForm()
    if not form.validate_on_submit():
        return show_token(row, status=422, expiry_form=form)
    try:
        chosen, seen = _chosen(row, form), form.version.data or None
        set_expiry(current.user(), server_id, chosen, current.actor(), seen=seen)
    except InvalidInputError as error:
        form.show(error)
        return show_token(row, status=422, expiry_form=form)
    except ChangedMeanwhileError as error:
        form.say("", messages.of_error(error))
        return show_token(get_row(current.user(), server_id), status=409, expiry_form=form)
    flash(_("Expiry of the token for %(server)s changed.", server=row.name), "success")
    return redirect(url_for("settings.token", server_id=server_id) + place(), code=303)


def _typed(form: CheckForm) -> Typed | None:
    """Return the token that was typed, None to check the saved one.

    Where tokens are not stored, the field is there for one that is typed, and a button of its own is for one
    that is stored still. Raises InvalidInputError for a field that was left empty there.
    """
    if form.typed is None and form.token.raw_data and current.not_stored():
        raise InvalidInputError("token", "empty")
    return form.typed


def _save_form() -> TokenForm:
    """Return the form for saving, on whose page a check was asked for, with the date that was chosen in it.

    Its box is ticked whatever was sent: the forms that check may have none.
    """
    kept: dict[str, Any] = {name: request.form[name] for name in KEPT_CHOICES if request.form.get(name)}
    shown = TokenForm(is_sent=False, **kept)
    shown.was_asked = bool(CheckForm().belongs_here.data)
    return shown


def _chosen(row: TokenRow, form: ExpiryForm) -> datetime | None:
    """Return the instant that was chosen, None for never. Raises InvalidInputError for a choice that is none.

    The date that the token states can be chosen while it is offered: the next token may state none.
    """
    if form.expires_in.data == STATED and row.offered_expires_at:
        return row.offered_expires_at
    return form.expires_at()


def _is_fit(address: str) -> bool:
    """Whether the catalogue takes such an address: one written into the database by hand may be any text."""
    try:
        return read_address(address, current.egress()) == address
    except InvalidInputError:
        return False


def _usable(server_id: int) -> TokenRow:
    row = get_row(current.user(), server_id)
    if not row.is_usable:
        raise NotThereError
    return row
