"""Token list: every server a person can see, with what may be shown of their token for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select

from app import clock
from app.errors import NotThereError
from app.extensions import db
from app.models import User
from app.models.server import host_in
from app.models.token import version_of
from app.services.server_places import like_pattern, read_cursor, write_cursor
from app.services.token_list_statements import held_rows, of_person, one_row, page_and_counts
from app.services.token_status import ATTENTION, EXPIRING, HELD, NEEDS_ATTENTION, NONE, STATUSES, days_until

PAGE_SIZE: Final = 50
IDLE_AFTER: Final = timedelta(days=90)


@dataclass(frozen=True)
class TokenRow:
    """One server with the state of the person's token for it. Times are UTC, None where there is none.

    Of a server that is no longer available to them, nothing is here but its id and name: no code after this
    could tell more.
    """

    server_id: int
    #: "" of a server that is not available, as `url`.
    slug: str
    name: str
    url: str
    is_enabled: bool
    #: False: no longer available to the person, who can only delete the token.
    is_available: bool
    token_required: bool
    token_help: str | None
    token_help_url: str | None
    token_placeholder: str | None
    has_token: bool
    #: Names the very token (`Token.version`), by which a form says which one was in sight. None without one.
    version: str | None
    #: `...` and four characters; None: no token, or one too short to hint at.
    hint: str | None
    #: One of `token_status.STATUSES`.
    status: str
    #: The address the token was saved for; differs from `url` while it is on hold. None: no token, or a
    #: server that is not available.
    bound_url: str | None
    created_at: datetime | None
    updated_at: datetime | None
    last_used_at: datetime | None
    expires_at: datetime | None
    #: When the token itself says that it ends; None: it says nothing, or one that is past or kept already.
    offered_expires_at: datetime | None
    last_check_at: datetime | None
    #: One of `CHECK_RESULTS` and a reason of `app.words.checks`; None: not checked since it was saved.
    last_check_result: str | None
    last_check_reason: str | None
    #: The tool that a check calls; None: a check compares with and without the token.
    probe_tool: str | None
    #: When an admin asked for another one in its place; None: nobody did since it was saved.
    renew_asked_at: datetime | None
    #: Not used for `IDLE_AFTER`, or never in that time.
    is_idle: bool
    #: Whole days until it expires, rounded up; None unless it is expiring.
    days_left: int | None

    @property
    def is_usable(self) -> bool:
        """Whether a token can be saved for the server, checked and sent."""
        return self.is_enabled and self.is_available

    @property
    def host(self) -> str:
        """Return host and port of the address, "" where that is not to be known."""
        return host_in(self.url)


@dataclass(frozen=True)
class Page:
    """Rows by name. `next`: cursor of the next page or None. `counts`: status → rows, search ignored.

    `of_search`: the same of those that the search finds, whatever the filter. `found`: rows that search and
    filter find on all pages; `before`: those of them on earlier pages.
    """

    rows: list[TokenRow]
    next: str | None
    counts: dict[str, int]
    of_search: dict[str, int]
    found: int
    before: int


@dataclass(frozen=True)
class Filter:
    """What to list. `status`: a status word, `attention`, `held`, or empty for all. `after`: a page's cursor.

    `only_usable`: leave out the servers at which a token can only be deleted.
    """

    query: str = ""
    status: str = ""
    after: str = ""
    limit: int = PAGE_SIZE
    only_usable: bool = False


def list_tokens(user: User, wanted: Filter) -> Page:
    """Return a page of the servers that the person may use, and of others where they hold a token.

    Two queries, whatever the number of servers; unseals nothing. Raises InvalidInputError for `status`
    or `after`.
    """
    now = clock.now()
    listed, counted = page_and_counts(
        wanted.status,
        searches=bool(wanted.query),
        goes_on=bool(wanted.after),
        only_usable=wanted.only_usable,
    )
    given = of_person(user.id, now) | {"at_most": wanted.limit + 1, "pattern": like_pattern(wanted.query)}
    if wanted.after:
        given["after_name"], given["after_id"] = read_cursor(wanted.after)
    records = db.session.connection().execute(listed, given).all()
    rows = [_row(record, now) for record in records[: wanted.limit]]
    more = len(records) > wanted.limit
    cursor = write_cursor(records[wanted.limit - 1].name_key, rows[-1].server_id) if more else None
    counts, of_search, found, before = _counts(counted, given)
    return Page(rows, cursor, counts, of_search, found, before)


def list_all_held(user: User) -> list[TokenRow]:
    """Return every server where the person holds a token, by name, those that they may not use too."""
    now = clock.now()
    records = db.session.connection().execute(held_rows(), of_person(user.id, now))
    return [_row(record, now) for record in records]


def get_row(user: User, server_id: int) -> TokenRow:
    """Return one server as the list has it. Raises NotThereError."""
    now = clock.now()
    given = of_person(user.id, now) | {"server_id": server_id}
    record = db.session.connection().execute(one_row(), given).one_or_none()
    if record is None:
        raise NotThereError
    return _row(record, now)


def _row(record: Any, now: datetime) -> TokenRow:
    is_available = bool(record.is_available)
    return TokenRow(
        server_id=record.server_id,
        slug=record.slug if is_available else "",
        name=record.name,
        url=record.url if is_available else "",
        is_enabled=record.is_enabled,
        is_available=is_available,
        token_required=record.token_required,
        token_help=record.token_help if is_available else None,
        token_help_url=record.token_help_url if is_available else None,
        token_placeholder=record.token_placeholder if is_available else None,
        has_token=record.token_id is not None,
        version=version_of(record.token_id, record.revision) if record.token_id is not None else None,
        hint=record.token_hint,
        status=record.status,
        bound_url=record.bound_url if is_available else None,
        created_at=record.created_at,
        updated_at=record.updated_at,
        last_used_at=record.last_used_at,
        expires_at=record.expires_at,
        offered_expires_at=_offered(record, now),
        last_check_at=record.last_check_at,
        last_check_result=record.last_check_result,
        last_check_reason=record.last_check_reason,
        probe_tool=record.probe_tool if is_available else None,
        renew_asked_at=record.renew_asked_at,
        is_idle=_is_idle(record, now),
        days_left=days_until(record.expires_at, now) if record.status == EXPIRING else None,
    )


def _is_idle(record: Any, now: datetime) -> bool:
    return record.token_id is not None and now - (record.last_used_at or record.updated_at) >= IDLE_AFTER


def _offered(record: Any, now: datetime) -> datetime | None:
    stated: datetime | None = record.stated_expires_at
    if stated is None or stated <= now or (record.expires_at and record.expires_at <= stated):
        return None
    return stated


def _counts(counted: Select[*tuple[Any, ...]], given: dict[str, Any]) -> tuple[Any, Any, int, int]:
    """Return servers by status, and those that the search finds; how many match, and how many are passed.

    The first two have `all`, `attention` and `held` besides.
    """
    records = db.session.connection().execute(counted, given).all()
    counts, of_search = (_with_sums({record[0]: record[place] for record in records}) for place in (1, 2))
    return counts, of_search, sum(record[3] for record in records), sum(record[4] for record in records)


def _with_sums(found: dict[str, int]) -> dict[str, int]:
    counts = dict.fromkeys(STATUSES, 0) | found
    counts["all"] = sum(counts.values())
    counts[HELD] = counts["all"] - counts[NONE]
    counts[NEEDS_ATTENTION] = sum(counts[status] for status in ATTENTION)
    return counts
