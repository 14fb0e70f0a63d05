"""Person forms: what admins send about people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, RadioField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older
from wtforms.validators import InputRequired

from app.errors import InvalidInputError, LastAdminError, OwnSecondFactorError, WrongStateError
from app.models.user import ROLES
from app.services.sign_in import confirm_password
from app.web import current, messages
from app.web.forms import Form, PasswordForm, at_most
from app.web.problems import status_of
from app.words import people as words

Done = TypeVar("Done")
CHOICES: Final = [SelectChoice(role, words.ROLES[role]) for role in ROLES]


class RoleForm(PasswordForm):
    """Another role."""

    # Not validated here: an unknown choice is a domain error like the others, with our own words.
    role = RadioField(_l("Role"), choices=CHOICES, default="user", validate_choice=False)


class InviteForm(RoleForm):
    """Whom to invite, and as what; without a choice, as what they were invited before."""

    role = RadioField(
        _l("Role"), choices=[SelectChoice("", words.AS_BEFORE), *CHOICES], default="", validate_choice=False
    )

    email = EmailField(
        _l("Their email address"), [InputRequired(_l("Write their email address.")), at_most(320)]
    )


def attempt(form: Form, act: Callable[[], Done]) -> tuple[Done | None, int]:
    """Do it once the form was sent, and, where it asks for the admin's own password, with the right one.

    Return what was done and 200; or None and the status of the page that shows the form, with what is wrong.
    Raises what `confirm_password` raises for too many attempts, and NotThereError.
    """
    if not form.validate_on_submit():
        return None, 422 if form.is_submitted() else 200
    try:
        if isinstance(form, PasswordForm):
            confirm_password(current.user(), form.password.data or "", current.visitor())
        return act(), 200
    except InvalidInputError as error:
        form.show(error)
        return None, status_of(error)
    except (LastAdminError, OwnSecondFactorError, WrongStateError) as error:
        form.say("", messages.of_error(error))
        return None, status_of(error)
