"""URLs: how ids are read from them, and which addresses of ours a form may lead back to."""

from __future__ import annotations

import re
from typing import Final

from flask import Flask
from werkzeug.routing import IntegerConverter, ValidationError

#: The largest id that both databases have (a signed 32-bit integer).
MAX_ID: Final = 2**31 - 1
OWN_PATH: Final = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")


class IdConverter(IntegerConverter):
    """An id: ASCII digits up to `MAX_ID`. Anything else is no such page, never a database error."""

    regex = "[0-9]{1,10}"

    def to_python(self, value: str) -> int:
        """Return the id, or make the URL not match."""
        number = int(value)
        if number > MAX_ID:
            raise ValidationError
        return number


def own_path(text: str | None) -> str | None:
    """Return `text` when it is a path on this site, else None.

    One leading slash, no second one, no backslash and no control character: browsers read `//host`,
    `/\\host` and `/<tab>/host` as another site.
    """
    return text if text and OWN_PATH.fullmatch(text) else None


def is_api(path: str) -> bool:
    """Return whether a path belongs to the JSON API, which never answers with a page of an error."""
    return path == "/api" or path.startswith("/api/")


def init_app(app: Flask) -> None:
    """Make `<int:…>` in every route mean an id."""
    app.url_map.converters["int"] = IdConverter
