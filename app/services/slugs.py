"""Slugs: the short unique names of servers in URLs and commands, and what to do when one was just taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from app.errors import InvalidInputError
from app.extensions import db
from app.models import Server

MAX_SLUG_CHARS: Final = 80
ATTEMPTS: Final = 5

Result = TypeVar("Result")


def free_slug(name: str, host: str) -> str:
    """Return a slug made of the name, or of the host when the name has no Latin letters; none has it yet."""
    base = _base(name, host)
    taken = set(db.session.scalars(select(Server.slug).where(Server.slug.startswith(base, autoescape=True))))
    return Slugs(taken).next_of(base)


class Slugs:
    """The slugs that are taken, by servers and by those that are about to be added: thousands at once."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        #: Base → the last number that was found taken: nobody counts from the start again.
        self._numbers: dict[str, int] = {}

    def take(self, wanted: str | None, name: str, host: str) -> str:
        """Return the wanted slug while it is free, else a free one like it, or one made of the name."""
        if wanted is not None and wanted not in self._taken:
            self._taken.add(wanted)
            return wanted
        return self.next_of(_base(wanted or name, host))

    def next_of(self, base: str) -> str:
        """Return the base, or the base with the next number that is free, and take it."""
        number = self._numbers.get(base, 1)
        slug = base if number == 1 else f"{base}-{number}"
        while slug in self._taken:
            number += 1
            slug = f"{base}-{number}"
        self._taken.add(slug)
        self._numbers[base] = number
        return slug


def retry_when_overtaken(work: Callable[[], Result]) -> Result:
    """Do a unit of work again from its start when its slug was taken, or its server deleted, meanwhile.

    Raises InvalidInputError("name", "taken") when that goes on.
    """
    for _ in range(ATTEMPTS):
        try:
            return work()
        except (IntegrityError, StaleDataError):
            # The unique index decides, so two imports at once make no server twice.
            db.session.rollback()
    raise InvalidInputError("name", "taken")


def _base(name: str, host: str) -> str:
    base = _slugified(name) or _slugified(host)
    if not base or base.isdigit():
        # Commands take a slug or an id: a slug is never mistaken for one.
        base = f"server-{base}".rstrip("-")
    return base


def _slugified(text: str) -> str:
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", text).casefold()
        if not unicodedata.combining(character)
    )
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG_CHARS].rstrip("-")
