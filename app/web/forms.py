"""Forms: what pages send, as Flask-WTF forms. Rules about values live in services."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, EmailField, PasswordField, SelectField
from wtforms.validators import InputRequired, Length, Optional

from app import errors
from app.web import messages


class Form(FlaskForm):
    """A form that can show a domain error beside the field it is about."""

    def show(self, error: errors.InvalidInputError) -> None:
        """Put the error's sentence beside its field, or on top when no field of that name is here."""
        field = self._fields.get(error.field)
        target = field.errors if field is not None else self.form_errors
        target.append(messages.of_reason(error.reason))  # type: ignore[union-attr]

    @property
    def first_errors(self) -> dict[str, str]:
        """Return field name → first error, for the summary on top of a page."""
        return {name or "": str(found[0]) for name, found in self.errors.items() if found}


class SignInForm(Form):
    """E-mail and password."""

    email = EmailField(_l("E-mail"), [InputRequired(_l("Write your e-mail address.")), Length(max=320)])
    password = PasswordField(_l("Password"), [InputRequired(_l("Write your password.")), Length(max=1024)])


class SignUpForm(SignInForm):
    """The same two fields, for a new account."""


class NewPasswordForm(Form):
    """A new password, from a one-time link."""

    password = PasswordField(_l("New password"), [InputRequired(_l("Write a password.")), Length(max=1024)])


class TokenForm(Form):
    """A token to save, and when it expires."""

    token = PasswordField(_l("Token"))
    expires_in = SelectField(
        _l("Expires"),
        default="never",
        choices=[
            ("never", _l("No limit")),
            ("7", _l("in 7 days")),
            ("30", _l("in 30 days")),
            ("90", _l("in 90 days")),
            ("365", _l("in a year")),
            ("custom", _l("on a date")),
        ],
    )
    expires_on = DateField(_l("Date"), [Optional()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The field is always empty in a page, whatever was sent.
        self.token.render_kw = {"value": ""}


class ConfirmForm(Form):
    """Nothing but the proof that it was sent from a page of ours."""
