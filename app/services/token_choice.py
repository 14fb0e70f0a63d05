"""Token choice: which cells of the matrix of people and servers an admin looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.errors import InvalidInputError
from app.services.token_status import ATTENTION, NEEDS_ATTENTION, NONE, STATUSES

PAGE_SIZE: Final = 50


@dataclass(frozen=True)
class Choice:
    """What to look at. `status`: a status word, `attention`, or empty for all. `after`: a page's cursor."""

    person_id: int | None = None
    server_id: int | None = None
    status: str = ""
    after: str = ""
    limit: int = PAGE_SIZE

    @property
    def is_of_all(self) -> bool:
        """Whether it is everyone's tokens for all servers; then only cells with a token are listed."""
        return self.person_id is None and self.server_id is None

    @property
    def statuses(self) -> tuple[str, ...]:
        """Return the status words that are asked for; empty: all.

        Raises InvalidInputError for `status`: `unknown`, or `person_or_server` for `none` of all.
        """
        if not self.status:
            return ()
        if self.status == NEEDS_ATTENTION:
            return ATTENTION
        if self.status not in STATUSES:
            raise InvalidInputError("status", "unknown")
        if self.status == NONE and self.is_of_all:
            raise InvalidInputError("status", "person_or_server")
        return (self.status,)
