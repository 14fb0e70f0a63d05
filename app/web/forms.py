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

    def __init__(self, *, is_sent: bool = True, **defaults: Any) -> None:
        """Take what was sent. `is_sent` False: another form of the page was sent, not this one.

        A box that is not ticked is not sent, so a form that reads what another one sent finds all of its
        boxes unticked, and its choices at their first.
        """
        # Without the request's files, which Flask-WTF would take for texts: no page of ours asks for one.
        sent = request.form if is_sent and request.method in {"POST", "PUT", "PATCH", "DELETE"} else None
        super().__init__(formdata=sent, **defaults)

    def show(self, error: InvalidInputError) -> None:
        """Put the error's sentence beside its field, or on top when no field of that name is here."""
        self.say(error.field, messages.of_error(error))

    def say(self, field_name: str, sentence: str) -> None:
        """Put a sentence beside a field, or on top when no field of that name is here to be seen."""
        field = self._fields.get(field_name)
        seen = field is not None and not isinstance(field, HiddenField)
        if field is not None and seen:
            # A form that was not validated has a tuple here.
            field.errors = [*field.errors, sentence]
        else:
            self.form_errors.append(sentence)


class SeenForm(Form):
    """A form that says which state of a row was on its page: nothing is changed over another's change."""

    #: `updated_at` of the row as it was shown.
    seen = HiddenField()

    def seen_at(self) -> datetime | None:
        """Return when what was on the page had been saved, None when nobody says."""
        with suppress(ValueError):
            seen = datetime.fromisoformat(self.seen.data or "")
            return seen if seen.tzinfo else None
        return None


def at_most(most_chars: int) -> Length:
    """Return the rule that a field has so many characters or fewer, in our own words."""
    return Length(max=most_chars, message=_l("Use at most %(max)d characters."))


class SignInForm(Form):
    """Email and password."""

    email = EmailField(_l("Email"), [InputRequired(_l("Write your email address.")), at_most(320)])
    password = PasswordField(_l("Password"), [InputRequired(_l("Write your password.")), at_most(1024)])


class SignUpForm(SignInForm):
    """The same two fields, for a new account."""


class NewPasswordForm(Form):
    """A new password, from a one-time link."""

    password = PasswordField(_l("New password"), [InputRequired(_l("Write a password.")), at_most(1024)])


class CodeField(StringField):
    """A code, typed in sight, that a page never gives back: it may be one that still works."""

    def _value(self) -> str:
        return ""


class CodeForm(Form):
    """A one-time code of an authenticator app, or a recovery code."""

    code = CodeField(_l("Code"), [InputRequired(_l("Write the code.")), at_most(64)])


class PasswordForm(Form):
    """One's password, typed again before something that cannot be taken back."""

    password = PasswordField(_l("Your password"), [InputRequired(_l("Write your password.")), at_most(1024)])


class RequireTotpForm(PasswordForm):
    """Whether a person must have a second factor."""

    required = BooleanField(_l("This account must have a second factor"))


class EmailForm(PasswordForm):
    """Another email address."""

    email = EmailField(
        _l("New email address"), [InputRequired(_l("Write your email address.")), at_most(320)]
    )


class ChangePasswordForm(Form):
    """The password there is, and the new one."""

    current_password = PasswordField(
        _l("Current password"), [InputRequired(_l("Write your password.")), at_most(1024)]
    )
    password = PasswordField(_l("New password"), [InputRequired(_l("Write a password.")), at_most(1024)])


class CheckForm(Form):
    """A token to check without saving it. A page never gets the token back (`PasswordField`)."""

    token = PasswordField(_l("Token"))
    belongs_here = BooleanField(_l("This server may have this token"))
    #: The address that the page showed: a token does not go to one that its owner never saw.
    address = HiddenField()
    #: Whether the page has just refused a token for looking like another service's.
    was_asked = False

    @property
    def typed(self) -> Typed | None:
        """Return the token to be checked, None when none was typed."""
        text = self.token.data or ""
        if not text.strip():
            return None
        return Typed(text, self.belongs_here.data, "token", self.address.data or None)

    @property
    def asks_whether_it_belongs(self) -> bool:
        """Whether to offer the tick by which a person says that this server may have the token.

        Once asked for or given it stays, unticked: the next paste may be another token.
        """
        return self.was_asked or bool(self.belongs_here.data)

    def show(self, error: InvalidInputError) -> None:
        """Show the error, and ask whether the token belongs here where that is the error."""
        self.was_asked = isinstance(error, ForeignTokenError)
        super().show(error)


def _expires_in(**more: Any) -> SelectField:
    # Not validated here: an unknown choice is a domain error like the others, with our own words.
    return SelectField(_l("Expires"), validate_choice=False, **more)


def _expires_on(**more: Any) -> StringField:
    return StringField(_l("Last day, UTC"), widget=DateInput(), **more)


class ExpiryForm(Form):
    """When a saved token expires. Nothing is chosen beforehand, and leaving a choice out is none."""

    expires_in = _expires_in(
        id="new-expires-in",
        choices=[SelectChoice(value, label) for value, label in (("", _l("Choose")), *EXPIRY_CHOICES)],
    )
    expires_on = _expires_on(id="new-expires-on")
    #: Which token was in sight: another one by then has another date.
    version = HiddenField()

    def expires_at(self) -> datetime | None:
        """Return the chosen instant, None for never. Raises InvalidInputError for either field."""
        return _read_expiry(self.expires_in.data, self.expires_on.data)

    def show(self, error: InvalidInputError) -> None:
        """Show the error; what is wrong with the instant is shown beside the field that gave it."""
        super().show(_beside_its_field(error))


class TokenForm(CheckForm):
    """A token to save, and when it expires."""

    expires_in = _expires_in(
        default="never", choices=[SelectChoice(value, label) for value, label in EXPIRY_CHOICES]
    )
    expires_on = _expires_on()
    check = BooleanField(_l("Check it with the server first"), default=True)

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
        super().show(_beside_its_field(error))

    def expires_at(self) -> datetime | None:
        """Return the chosen instant, None for never. Raises as `new_token` does."""
        return _read_expiry(self.expires_in.data, self.expires_on.data)


class AddressForm(PasswordForm):
    """One's password, to let a token go to the address that was shown."""

    address = HiddenField()


class ConfirmForm(Form):
    """Nothing but the proof that it was sent from a page of ours."""


def _beside_its_field(error: InvalidInputError) -> InvalidInputError:
    return InvalidInputError("expires_on", error.reason) if error.field == "expires_at" else error


def _read_expiry(chosen: str | None, day: str | None) -> datetime | None:
    """Return the instant, None for never. Raises InvalidInputError for `expires_in` or `expires_on`."""
    if not chosen:
        raise InvalidInputError("expires_in", "required")
    if chosen == "never":
        return None
    if chosen == "custom":
        return datetime.combine(_read_date(day or ""), END_OF_DAY)
    if chosen not in dict(EXPIRY_CHOICES):
        raise InvalidInputError("expires_in", "unknown")
    return clock.now() + timedelta(days=int(chosen))


def _read_date(text: str) -> date:
    """Return the date. Raises InvalidInputError for `expires_on`."""
    # `fromisoformat` alone also takes 20261129 and 2026-W48-7.
    if ISO_DATE.fullmatch(text.strip()):
        with suppress(ValueError):
            return date.fromisoformat(text.strip())
    raise InvalidInputError("expires_on", "date")
