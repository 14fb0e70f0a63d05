"""Forms: what pages send, as Flask-WTF forms. Rules about values live in services."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from flask import request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older
from wtforms.validators import InputRequired, Length
from wtforms.widgets import DateInput

from app import clock
from app.errors import ForeignTokenError, InvalidInputError
from app.services.tokens import NewToken
from app.services.uses import Typed
from app.web import messages

ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: The last second of a day: a token that expires on a date is good on that day.
END_OF_DAY: Final = time(23, 59, 59, tzinfo=UTC)
EXPIRY_CHOICES: Final = (
    ("never", _l("No limit")),
    ("7", _l("in 7 days")),
    ("30", _l("in 30 days")),
    ("90", _l("in 90 days")),
    ("365", _l("in a year")),
    ("custom", _l("on a date")),
)


class Form(FlaskForm):
    """A form that can show a domain error beside the field it is about."""

    def __init__(self, **defaults: Any) -> None:
        # Without the request's files, which Flask-WTF would take for texts: no page of ours asks for one.
        sent = request.form if request.method in {"POST", "PUT", "PATCH", "DELETE"} else None
        super().__init__(formdata=sent, **defaults)

    def show(self, error: InvalidInputError) -> None:
        """Put the error's sentence beside its field, or on top when no field of that name is here."""
        self.say(error.field, messages.of_error(error))

    def say(self, field_name: str, sentence: str) -> None:
        """Put a sentence beside a field, or on top when no field of that name is here to be seen."""
        field = self._fields.get(field_name)
        seen = field is not None and not isinstance(field, HiddenField)
        target = field.errors if field is not None and seen else self.form_errors
        target.append(sentence)


class SignInForm(Form):
    """E-mail and password."""

    email = EmailField(_l("Email"), [InputRequired(_l("Write your e-mail address.")), Length(max=320)])
    password = PasswordField(_l("Password"), [InputRequired(_l("Write your password.")), Length(max=1024)])


class SignUpForm(SignInForm):
    """The same two fields, for a new account."""


class NewPasswordForm(Form):
    """A new password, from a one-time link."""

    password = PasswordField(_l("New password"), [InputRequired(_l("Write a password.")), Length(max=1024)])


class CodeField(StringField):
    """A code, typed in sight, that a page never gives back: it may be one that still works."""

    def _value(self) -> str:
        return ""


class CodeForm(Form):
    """A one-time code of an authenticator app, or a recovery code."""

    code = CodeField(_l("Code"), [InputRequired(_l("Write the code.")), Length(max=64)])


class PasswordForm(Form):
    """One's password, typed again before something that cannot be taken back."""

    password = PasswordField(
        _l("Your password"), [InputRequired(_l("Write your password.")), Length(max=1024)]
    )


class RequireTotpForm(PasswordForm):
    """Whether a person must have a second factor."""

    required = BooleanField(_l("This account must have a second factor"))


class EmailForm(PasswordForm):
    """Another e-mail address."""

    email = EmailField(
        _l("New e-mail address"), [InputRequired(_l("Write your e-mail address.")), Length(max=320)]
    )


class ChangePasswordForm(Form):
    """The password there is, and the new one."""

    current_password = PasswordField(
        _l("Current password"), [InputRequired(_l("Write your password.")), Length(max=1024)]
    )
    password = PasswordField(_l("New password"), [InputRequired(_l("Write a password.")), Length(max=1024)])


class TokenForm(Form):
    """A token to save, and when it expires. A page never gets the token back (`PasswordField`)."""

    token = PasswordField(_l("Token"))
    # Not validated here: an unknown choice is a domain error like the others, with our own words.
    expires_in = SelectField(
        _l("Expires"),
        default="never",
        choices=[SelectChoice(value, label) for value, label in EXPIRY_CHOICES],
        validate_choice=False,
    )
    expires_on = StringField(_l("Last day, UTC"), widget=DateInput())
    check = BooleanField(_l("Check it with the server first"), default=True)
    belongs_here = BooleanField(_l("This server may have this token"))
    #: The address that the page showed: a token is not saved for one that its owner never saw.
    address = HiddenField()

    @property
    def typed(self) -> Typed | None:
        """Return the token to be checked, None when none was typed."""
        text = self.token.data or ""
        if not text.strip():
            return None
        return Typed(text, self.belongs_here.data, "token", self.address.data or None)

    def new_token(self) -> NewToken:
        """Return what is to be saved. Raises InvalidInputError for `expires_in` or `expires_on`."""
        return NewToken(
            self.token.data or "",
            self.expires_at(),
            address=self.address.data or None,
            belongs_here=self.belongs_here.data,
        )

    def show(self, error: InvalidInputError) -> None:
        """Show the error; what is wrong with the instant is shown beside the field that gave it."""
        if error.field == "expires_at":
            error = InvalidInputError("expires_on", error.reason)
        #: Whether the tick has to be offered by which a person says that this server may have it.
        self.asks_whether_it_belongs = isinstance(error, ForeignTokenError)
        super().show(error)

    asks_whether_it_belongs = False

    def expires_at(self) -> datetime | None:
        """Return the chosen instant, None for never. Raises as `new_token` does."""
        chosen = self.expires_in.data
        if chosen == "never":
            return None
        if chosen == "custom":
            return datetime.combine(_read_date(self.expires_on.data or ""), END_OF_DAY)
        if chosen not in dict(EXPIRY_CHOICES):
            raise InvalidInputError("expires_in", "unknown")
        return clock.now() + timedelta(days=int(chosen))


class AddressForm(PasswordForm):
    """One's password, to let a token go to the address that was shown."""

    address = HiddenField()


class ConfirmForm(Form):
    """Nothing but the proof that it was sent from a page of ours."""


def _read_date(text: str) -> date:
    """Return the date. Raises InvalidInputError for `expires_on`."""
    # `fromisoformat` alone also takes 20261129 and 2026-W48-7.
    if ISO_DATE.fullmatch(text.strip()):
        with suppress(ValueError):
            return date.fromisoformat(text.strip())
    raise InvalidInputError("expires_on", "date")
