"""Refusals: what commands about people say when something cannot be done, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from app.errors import InvalidInputError, LastAdminError, NotThereError, WrongStateError
from app.services.password_rules import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS

INPUT: Final = {
    "email_invalid": "This is not an email address.",
    "email_taken": "There is an account with this email address already.",
    "has_account": "This person has an account already.",
    "is_disabled": "This person has an account, which is disabled. See `flask users enable`.",
    "password_short": f"Use at least {MIN_PASSWORD_CHARS} characters.",
    "password_long": f"Use at most {MAX_PASSWORD_CHARS} characters.",
    "password_common": "This password is among the first that anybody would try.",
}
STATES: Final = {
    "invited": "This person has not accepted their invitation. See `flask users invite` for a new link.",
    "active": "This person has accepted their invitation.",
    "disabled": "This account is disabled. See `flask users enable`.",
}


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what services raise about people into a sentence and exit code 1."""
    try:
        yield
    except NotThereError:
        raise click.ClickException("There is no account with this email address.") from None
    except LastAdminError:
        raise click.ClickException("Nobody else is an admin. Make somebody else one first.") from None
    except InvalidInputError as error:
        raise click.ClickException(INPUT[error.reason]) from None
    except WrongStateError as error:
        raise click.ClickException(STATES[error.reason]) from None
