"""Settings → Account: email, password, and deleting the account."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.errors import InvalidInputError
from app.services import own_account
from app.services.storing import set_storing
from app.services.token_list import Filter, list_tokens
from app.services.totp import second_factor_of
from app.web import current
from app.web.auth import carry_on, forget_session
from app.web.forms import ChangePasswordForm, EmailForm, PasswordForm


def show() -> ResponseReturnValue:
    """Show what one signs in with, and where to change it."""
    return render_template(
        "settings/account.html",
        factor=second_factor_of(current.user()),
        not_stored=current.not_stored(),
        tokens=_count_tokens(),
    )


def storing() -> ResponseReturnValue:
    """Choose whether one's tokens are stored at all."""
    stores = request.form.get("stores") == "on"
    if not stores and request.form.get("stores") != "off":
        raise InvalidInputError("stores", "unknown")
    set_storing(current.user(), stores, current.actor())
    if stores:
        flash(_("Your tokens can be stored here again."), "success")
    else:
        flash(
            _("No token of yours is stored from now on. Those that are stay until you delete them."),
            "success",
        )
    return redirect(url_for("settings.account"), code=303)


def email() -> ResponseReturnValue:
    """Change the email address by which one signs in."""
    form = EmailForm()
    if form.validate_on_submit():
        try:
            own_account.change_email(
                current.user(), form.email.data or "", form.password.data or "", current.visitor()
            )
        except InvalidInputError as error:
            form.show(error)
        else:
            flash(_("Your email address is changed. Sign in with it from now on."), "success")
            return redirect(url_for("settings.account"), code=303)
    return render_template("settings/account_email.html", form=form), 422 if form.is_submitted() else 200


def password() -> ResponseReturnValue:
    """Change the password, which signs out everywhere else."""
    form = ChangePasswordForm()
    if form.validate_on_submit():
        words = form.current_password.data or "", form.password.data or ""
        try:
            signed_in = own_account.change_password(
                current.user(), *words, current.visitor(), current.session_limits()
            )
        except InvalidInputError as error:
            form.show(error)
        else:
            carry_on(current.user(), signed_in)
            flash(_("Your password is changed, and you are signed out everywhere else."), "success")
            return redirect(url_for("settings.account"), code=303)
    return render_template("settings/account_password.html", form=form), 422 if form.is_submitted() else 200


def delete() -> ResponseReturnValue:
    """Say what goes, then delete the account."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            tokens = own_account.delete_own_account(
                current.user(), form.password.data or "", current.visitor()
            )
        except InvalidInputError as error:
            form.show(error)
        else:
            forget_session()
            text = ngettext(
                "Your account is deleted, with %(num)d token.",
                "Your account is deleted, with %(num)d tokens.",
                tokens,
            )
            flash(text, "success")
            return redirect(url_for("auth.sign_in"), code=303)
    page = render_template("settings/account_delete.html", form=form, tokens=_count_tokens())
    return page, 422 if form.is_submitted() else 200


def _count_tokens() -> int:
    counts = list_tokens(current.user(), Filter()).counts
    return counts["all"] - counts["none"]
