"""People: everyone with an account, as admins see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from app.errors import NotThereError
from app.extensions import db
from app.models import TotpEnrolment, User

PAGE_SIZE: Final = 50


@dataclass(frozen=True)
class Person:
    """One row of the list. `last_login_at` None: never signed in."""

    id: int
    email: str
    role: str
    is_active: bool
    last_login_at: datetime | None
    has_totp: bool
    totp_required: bool


@dataclass(frozen=True)
class People:
    """One page of people, by e-mail. `next`: the cursor of the page after it, None on the last."""

    rows: list[Person]
    next: str | None


def list_people(query: str = "", after: str = "", limit: int = PAGE_SIZE) -> People:
    """Return a page of the people whose e-mail has the query in it."""
    statement = _people().order_by(User.email).limit(limit + 1)
    # No e-mail address holds a NUL, and PostgreSQL takes none even to look for it.
    if query:
        statement = statement.where(User.email.contains(query.casefold().replace("\0", " "), autoescape=True))
    if after:
        statement = statement.where(User.email > after.replace("\0", " "))
    rows = [Person(*row) for row in db.session.execute(statement)]
    return People(rows[:limit], rows[limit - 1].email if len(rows) > limit else None)


def get_person(user_id: int) -> Person:
    """Return one person. Raises NotThereError."""
    row = db.session.execute(_people().where(User.id == user_id)).one_or_none()
    if row is None:
        raise NotThereError
    return Person(*row)


def _people() -> Any:
    has_totp = (
        select(TotpEnrolment.user_id)
        .where(TotpEnrolment.user_id == User.id, TotpEnrolment.confirmed_at.is_not(None))
        .exists()
    )
    return select(
        User.id, User.email, User.role, User.is_active, User.last_login_at, has_totp, User.totp_required
    )
