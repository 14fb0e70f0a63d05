"""Slugs: the short unique names of servers in URLs and commands, and what to do when one was just taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
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
    base = _slugified(name) or _slugified(host)
    if not base or base.isdigit():
        # Commands take a slug or an id: a slug is never mistaken for one.
        base = f"server-{base}".rstrip("-")
    taken = set(db.session.scalars(select(Server.slug).where(Server.slug.startswith(base, autoescape=True))))
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
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


def _slugified(text: str) -> str:
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", text).casefold()
        if not unicodedata.combining(character)
    )
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG_CHARS].rstrip("-")
