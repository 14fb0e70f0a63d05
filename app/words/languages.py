"""Languages: the ones that there are words in, wherever these are read."""

from __future__ import annotations

from typing import Final

#: The first is for everyone whose language is missing.
LANGUAGES: Final = ("en",)


def language_for(locale: str | None) -> str:
    """Return the person's language (`users.locale`) where there are words in it, else the first."""
    return locale if locale in LANGUAGES else LANGUAGES[0]
