"""6. Redaction: one token is taken out of one answer, in time that grows with the answer alone.

Logs need none: they hold fields by type, and no text of anybody (`app.logs`). Nothing ever looks for all
secrets, so nothing grows with their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from app.mcp.redaction import Redactor
from tests.benchmarks.harness import Contest
from tests.benchmarks.sites import Site
from tests.endurance.many_tokens import token_text

LINE = 'a line of an answer with \\u0041 and "quotes" in it, and now and then tok_%06d\n'


def contests(site: Site, stack: ExitStack) -> Iterator[Contest]:
    """Yield what is measured; it has nothing to do with the database."""
    if site.name != "sqlite":
        return
    redactor = Redactor(token_text(7))
    half = "".join(LINE % number + (token_text(7) if number % 50 == 0 else "") for number in range(500))
    yield Contest(
        "6 redact twice the answer, against once",
        "ms",
        site.timed(lambda: redactor.text(half + half), 3, 1e3),
        site.timed(lambda: redactor.text(half), 3, 1e3),
        at_most=2.2,
        rounds=9,
    )
