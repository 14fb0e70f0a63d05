"""People: everyone with an account, as admins see them. Of tokens, their number and states alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, String, and_, case, false, func, literal, or_, select, true

from app import clock
from app.errors import InvalidInputError, NotThereError
from app.extensions import db
from app.models import LoginSession, Server, Token, TotpEnrolment, User
from app.models.user import ACTIVE, DISABLED, INVITED, NO_PASSWORD, ROLES, STATES
from app.services.emails import MAX_EMAIL_CHARS
from app.services.group_list import GroupName, groups_of
from app.services.sessions import DEFAULT_LIMITS, Limits, is_live
from app.services.token_status import status_expression

PAGE_SIZE: Final = 50


@dataclass(frozen=True)
class Person:
    """One row of the list. `last_login_at` None: never signed in. `tokens`: how many they hold."""

    id: int
    email: str
    display_name: str
    #: One of `app.models.user.ROLES`.
    role: str
    #: One of `app.models.user.STATES`.
    state: str
    created_at: datetime
    last_login_at: datetime | None
    has_totp: bool
    totp_required: bool
    tokens: int


@dataclass(frozen=True)
class PeopleFilter:
    """Whom to list. `query`: part of an e-mail or name. `after`: a page's cursor. Empty: whoever there is."""

    query: str = ""
    state: str = ""
    role: str = ""
    after: str = ""
    limit: int = PAGE_SIZE


@dataclass(frozen=True)
class People:
    """One page of people, by e-mail. `next`: the cursor of the page after it, None on the last.

    `counts`: state or role → people that the search finds, and `all`; the filter is ignored. `found`: those
    that both find, on all pages.
    """

    rows: list[Person]
    next: str | None
    counts: dict[str, int]
    found: int


@dataclass(frozen=True)
class PersonDetails:
    """What hangs on a person. `tokens`: state → how many; `sessions`: live ones; `groups`: by name."""

    tokens: dict[str, int]
    sessions: int
    groups: list[GroupName]


def list_people(wanted: PeopleFilter) -> People:
    """Return a page of the people that search and filter find. Two queries, however many there are.

    Raises InvalidInputError for `state` or `role` (`unknown`).
    """
    limit = wanted.limit
    searched, in_state = _search(wanted.query), _filter(wanted)
    statement = _people().where(searched, in_state).order_by(User.email).limit(limit + 1)
    if wanted.after:
        statement = statement.where(User.email > _searchable(wanted.after))
    rows = [Person(*row) for row in db.session.execute(statement)]
    cursor = rows[limit - 1].email if len(rows) > limit else None
    return People(rows[:limit], cursor, *_counts(searched, in_state))


def get_person(user_id: int) -> Person:
    """Return one person. Raises NotThereError."""
    row = db.session.execute(_people().where(User.id == user_id)).one_or_none()
    if row is None:
        raise NotThereError
    return Person(*row)


def details_of(user_id: int, limits: Limits = DEFAULT_LIMITS) -> PersonDetails:
    """Return what hangs on a person. Three queries."""
    status = status_expression(clock.now()).label("status")
    tokens = (
        select(status, func.count())
        .select_from(Token)
        .join(Server, Server.id == Token.mcp_server_id)
        .where(Token.user_id == user_id)
        .group_by(status)
    )
    sessions = (
        select(func.count())
        .select_from(LoginSession)
        .where(LoginSession.user_id == user_id, is_live(clock.now(), limits))
    )
    return PersonDetails(
        {row[0]: row[1] for row in db.session.execute(tokens)},
        db.session.scalar(sessions) or 0,
        groups_of(user_id),
    )


def _people() -> Any:
    has_totp = (
        select(TotpEnrolment.user_id)
        .where(TotpEnrolment.user_id == User.id, TotpEnrolment.confirmed_at.is_not(None))
        .exists()
    )
    tokens = select(func.count()).select_from(Token).where(Token.user_id == User.id).scalar_subquery()
    return select(
        User.id,
        User.email,
        User.display_name,
        User.role,
        _state(),
        User.created_at,
        User.last_login_at,
        has_totp,
        User.totp_required,
        tokens,
    )


def _state() -> ColumnElement[str]:
    """Return SQL for `User.state`."""
    return case(
        (User.is_active == false(), literal(DISABLED, String)),
        (User.password_hash == NO_PASSWORD, literal(INVITED, String)),
        else_=literal(ACTIVE, String),
    )


def _search(query: str) -> ColumnElement[bool]:
    if not query:
        return true()
    part = _searchable(query)
    # A name as it is written too: SQLite's `lower` knows no letters beyond ASCII.
    return or_(
        User.email.contains(part.casefold(), autoescape=True),
        func.lower(User.display_name).contains(part.lower(), autoescape=True),
        User.display_name.contains(part, autoescape=True),
    )


def _filter(wanted: PeopleFilter) -> ColumnElement[bool]:
    """Return what state and role ask for. Raises InvalidInputError for either (`unknown`)."""
    conditions: list[ColumnElement[bool]] = [true()]
    for name, known, column in (("state", STATES, _state()), ("role", ROLES, User.role)):
        value = getattr(wanted, name)
        if value and value not in known:
            raise InvalidInputError(name, "unknown")
        if value:
            conditions.append(column == value)
    return and_(*conditions)


def _searchable(text: str) -> str:
    """Return the text as PostgreSQL lets one look for it: without NUL, which no address and no name has."""
    return text[:MAX_EMAIL_CHARS].replace("\0", "\ufffd")


def _counts(searched: ColumnElement[bool], in_state: ColumnElement[bool]) -> tuple[dict[str, int], int]:
    state = _state().label("state")
    figures = (func.count(), func.count().filter(in_state))
    statement = select(state, User.role, *figures).where(searched).group_by(state, User.role)
    counts, found = dict.fromkeys(("all", *STATES, *ROLES), 0), 0
    for row in db.session.execute(statement):
        for name in ("all", row[0], row[1]):
            counts[name] += row[2]
        found += row[3]
    return counts, found
