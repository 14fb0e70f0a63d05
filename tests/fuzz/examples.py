"""Examples: how many Hypothesis makes up, the same ones in every run; and what errors may remember."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import settings

#: As many as find what there is to find in a pure function, in a fraction of a second.
MANY = settings(max_examples=150, derandomize=True, database=None, deadline=None)
#: Stands in made-up texts for what must not be said again.
SECRET = "Mk7zQ-of-a-person"


def errors_behind(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and every error behind it that a traceback or a log would show."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def is_silent(error: BaseException, secret: str = SECRET) -> bool:
    """Whether neither an error nor what is behind it holds the secret."""
    return not any(secret in f"{one!r} {one} {vars(one)}" for one in errors_behind(error))
