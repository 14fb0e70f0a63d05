"""Settings → Account → Second factor: setting up an authenticator app, recovery codes, turning it off."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.errors import InvalidInputError
from app.services import totp
from app.web import current
from app.web.forms import CodeForm, PasswordForm

#: Empty modules around the code, without which readers do not find it (ISO/IEC 18004, 9.1).
QUIET_ZONE: Final = 4


class QrCode(NamedTuple):
    """A drawn QR code: so many modules wide, dark ones as the `d` of an SVG path one module thick."""

    size: int
    path: str


def page() -> ResponseReturnValue:
    """Lead through the set-up: password, then QR code and first code; afterwards show that it is on."""
    factor = totp.second_factor_of(current.user())
    if factor.since:
        return render_template("settings/totp.html", factor=factor)
    return _confirm() if factor.is_pending else _start()


def recovery_codes() -> ResponseReturnValue:
    """Make new recovery codes in place of the old ones, and show them once."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            codes = totp.renew_recovery_codes(current.user(), form.password.data or "", current.visitor())
        except InvalidInputError as error:
            form.show(error)
        else:
            return render_template("settings/recovery_codes.html", codes=codes)
    page = render_template("settings/recovery_codes.html", codes=None, form=form)
    return page, 422 if form.is_submitted() else 200


def disable() -> ResponseReturnValue:
    """Turn the second factor off, or drop a set-up that was not finished."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            totp.disable(current.user(), form.password.data or "", current.visitor())
        except InvalidInputError as error:
            form.show(error)
        else:
            flash(_("The second factor is off."), "success")
            return redirect(url_for("settings.account"), code=303)
    return render_template("settings/totp_off.html", form=form), 422 if form.is_submitted() else 200


def _start() -> ResponseReturnValue:
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            totp.start_enrolment(
                current.user(), form.password.data or "", keys=current.keys(), visitor=current.visitor()
            )
        except InvalidInputError as error:
            form.show(error)
        else:
            return redirect(url_for("settings.totp"), code=303)
    return render_template("settings/totp_start.html", form=form), 422 if form.is_submitted() else 200


def _confirm() -> ResponseReturnValue:
    form = CodeForm()
    if form.validate_on_submit():
        try:
            codes = totp.confirm_enrolment(
                current.user(), form.code.data or "", keys=current.keys(), actor=current.actor()
            )
        except InvalidInputError as error:
            form.show(error)
        else:
            return render_template("settings/recovery_codes.html", codes=codes)
    secret = totp.app_secret_of(current.user(), current.keys())
    page = render_template(
        "settings/totp_confirm.html",
        form=form,
        qr_code=_draw(secret.uri),
        secret=" ".join(re.findall(".{1,4}", secret.text)),
    )
    return page, 422 if form.is_submitted() else 200


def _draw(text: str) -> QrCode:
    # Few people ever see one.
    import segno

    rows = [list(row) for row in segno.make(text, micro=False).matrix_iter(border=QUIET_ZONE)]
    dark = [f"M{x} {y + 0.5}h1" for y, row in enumerate(rows) for x, module in enumerate(row) if module]
    return QrCode(len(rows), "".join(dark))
