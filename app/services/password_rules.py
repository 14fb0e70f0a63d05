"""Password rules: long enough, and not one that everybody tries first. No rules of composition."""

from __future__ import annotations

import re
from typing import Final

from app.errors import InvalidInputError

#: NIST SP 800-63B-4, 3.1.1.2: length is what counts; no composition rules.
MIN_PASSWORD_CHARS: Final = 12
MAX_PASSWORD_CHARS: Final = 128
#: Fewer guesses than this are made by throttled guessing over the network (zxcvbn's own bound).
MIN_GUESSES: Final = 10**6
#: The estimate takes longer than linear; what is beyond is not looked at.
JUDGED_CHARS: Final = 32
#: OWASP ASVS 5.0, 6.2.11: words that guessers of this very site would try.
OUR_WORDS: Final = ("mcp", "market", "mcpmarket", "mcp-market", "token", "playground")


def check_password(password: str, email: str = "", *, field: str = "password") -> None:
    """Raise InvalidInputError(field, …) for `password_short`, `password_long` or `password_common`."""
    if len(password) < MIN_PASSWORD_CHARS:
        raise InvalidInputError(field, "password_short")
    if len(password) > MAX_PASSWORD_CHARS:
        raise InvalidInputError(field, "password_long")
    if _guesses(password, email) < MIN_GUESSES:
        raise InvalidInputError(field, "password_common")


def _guesses(password: str, email: str) -> float:
    """Return after how many guesses it would be found, by lists of common passwords, names and patterns."""
    # Its lists take a tenth of a second to load; most commands need none of them.
    from zxcvbn import zxcvbn

    known = [*OUR_WORDS, email, *re.split(r"[@._+-]", email)]
    return float(zxcvbn(password[:JUDGED_CHARS], user_inputs=known)["guesses"])
