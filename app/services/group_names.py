"""Group names: what a group may be called."""

from __future__ import annotations

from app.errors import InvalidInputError
from app.models.group import MAX_GROUP_NAME_CHARS


def read_group_name(text: str) -> str:
    """Return the name as groups keep it: trimmed, blanks in a row as one.

    Raises InvalidInputError for `name`: `group_name_empty`, `group_name_long` or `control`.
    """
    name = text.strip()
    if not name.isprintable():
        raise InvalidInputError("name", "control")
    name = " ".join(name.split())
    if not name:
        raise InvalidInputError("name", "group_name_empty")
    if len(name) > MAX_GROUP_NAME_CHARS:
        raise InvalidInputError("name", "group_name_long")
    return name
