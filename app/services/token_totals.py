"""Token totals: how many cells of the matrix are in which state, by work that has a bound."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from app.services.token_choice import Choice
from app.services.token_ranges import count_up_to
from app.services.token_status import ATTENTION, NEEDS_ATTENTION, NONE, STATUSES, held_status_expression

#: Of everyone's tokens, those in a state are counted so far and no further.
COUNTED_TO: Final = 1000
#: Those in the states that are asked for are counted to here, and gathered and sorted when there are no more.
GATHERED_TO: Final = 3000


@dataclass(frozen=True)
class Totals:
    """Cells by status, plus `all` and `attention`; the status of the choice is ignored.

    `more`: those words of which there are more than counted. None for one person or one server: then all
    numbers are exact. Of everyone's tokens, what there are more than `COUNTED_TO` of says so instead.
    """

    counts: dict[str, int]
    more: frozenset[str] = frozenset()


def count_cells(wanted: Choice) -> Totals:
    """Return the totals, by two statements whose work has a bound. Raises InvalidInputError for `status`."""
    now, statuses = clock.now(), wanted.statuses
    if not wanted.is_of_all:
        return Totals(_with_sums(_exact_counts(wanted, now)))
    limits = dict.fromkeys(STATUSES[1:], COUNTED_TO)
    limits |= {word: max(COUNTED_TO, GATHERED_TO // len(statuses)) for word in statuses}
    found = count_up_to({word: limit + 1 for word, limit in limits.items()}, now)
    more = {word for word, limit in limits.items() if found[word] > limit}
    counts = _with_sums({word: min(found[word], limit) for word, limit in limits.items()})
    for word, parts in (("all", STATUSES), (NEEDS_ATTENTION, ATTENTION)):
        if more.intersection(parts):
            more.add(word)
            counts[word] = COUNTED_TO
    return Totals(counts, frozenset(more))


def _exact_counts(wanted: Choice, now: datetime) -> dict[str, int]:
    """Return status → cells of one person, one server or both: those with a token are looked at alone."""
    status = held_status_expression(now)
    held = select(status, func.count()).select_from(Token).join(Server, Server.id == Token.mcp_server_id)
    cells = 1
    for column, chosen, others in (
        (Token.user_id, wanted.person_id, Server),
        (Token.mcp_server_id, wanted.server_id, User),
    ):
        if chosen is not None:
            held = held.where(column == chosen)
            other_is_chosen = None not in (wanted.person_id, wanted.server_id)
            cells = 1 if other_is_chosen else db.session.scalar(select(func.count()).select_from(others)) or 0
    counts = {record[0]: record[1] for record in db.session.execute(held.group_by(status))}
    return counts | {NONE: cells - sum(counts.values())}


def _with_sums(counts: dict[str, int]) -> dict[str, int]:
    full = dict.fromkeys(STATUSES, 0) | counts
    full |= {"all": sum(full.values()), NEEDS_ATTENTION: sum(full[word] for word in ATTENTION)}
    return full
