"""Patterns: macros of what repeats in every row of a list, rendered once a page and filled in row by row.

What such a macro says in each row is put together, translated and escaped once; of a row, only its own values
are (docs/performance.md).
"""

from __future__ import annotations

import re
from typing import Any

from jinja2.runtime import Macro
from markupsafe import Markup, escape


class Pattern:
    """A macro rendered with blanks for its arguments, but for those that are the same in every row.

    The macro decides nothing by what is left blank; it may only let it stand somewhere.
    """

    def __init__(self, macro: Macro, **same: Any) -> None:
        blanks = {name: f"{{{name}}}" for name in macro.arguments if name not in same}
        html = macro(**same, **blanks)
        #: Text and the names of blanks, in turn.
        self._parts = re.split(f"{{({'|'.join(blanks)})}}", html)
        self._names = self._parts[1::2]

    def fill(self, **values: Any) -> Markup:
        """Return the HTML with these arguments, each escaped unless it is HTML.

        What looks like a blank in a value stays as it is. Raises KeyError for an argument that is missing.
        """
        # Most are HTML already, and asking for that is quicker than escaping them to no effect.
        safe = {name: it if type(it) is Markup else escape(it) for name, it in values.items()}
        parts = self._parts.copy()
        parts[1::2] = [safe[name] for name in self._names]
        # Of the macro, which escapes by itself, and of values escaped above.
        return Markup("".join(parts))  # noqa: S704
