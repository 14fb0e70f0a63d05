"""Texts of other people: cut to a length, one line, nothing that a terminal or a page would act on."""

from __future__ import annotations

from typing import Any, Final

NAME_CHARS: Final = 200
DESCRIPTION_CHARS: Final = 1000
HELP_CHARS: Final = 500
PLACEHOLDER_CHARS: Final = 200


def clean_text(value: Any, limit: int) -> str:
    """Return the text in one line without control, format and bidirectional characters; "" for no text."""
    if not isinstance(value, str):
        return ""
    # Cut first: what follows is then cheap, however long the text was.
    kept = (character for character in value[: 4 * limit] if character.isprintable() or character.isspace())
    # In this order: what is left around a removed character is one space, as cleaning it again would have it.
    return " ".join("".join(kept).split())[:limit].strip()
