"""URLs: how ids are read from them, and which addresses of ours a form may lead back to."""

from __future__ import annotations

import re
from typing import Final

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter

#: The largest id that both databases have (a signed 32-bit integer).
MAX_ID: Final = 2**31 - 1
#: Methods that change nothing (RFC 9110, 9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_PATH: Final = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")


def _at_most(number: str) -> str:
    """Return a pattern for texts of ASCII digits, as long as `number` or shorter, that are not above it."""
    smaller = [
        f"{number[:place]}[0-{int(digit) - 1}][0-9]{{{len(number) - place - 1}}}"
        for place, digit in enumerate(number)
        if digit != "0"
    ]
    return "|".join((f"[0-9]{{1,{len(number) - 1}}}", *smaller, number))


class IdConverter(IntegerConverter):
    """An id: ASCII digits up to `MAX_ID`. Anything else is no such page, never a database error.

    The pattern says all of it: an id that only `to_python` refused would be a 405 where the first of
    several routes with this path has another method.
    """

    regex = _at_most(str(MAX_ID))


def own_path(text: str | None) -> str | None:
    """Return `text` when it is a path on this site, else None.

    One leading slash, no second one, no backslash and no control character: browsers read `//host`,
    `/\\host` and `/<tab>/host` as another site.
    """
    return text if text and OWN_PATH.fullmatch(text) else None


def can_be_got(path: str) -> bool:
    """Return whether a view answers GET at this path of the site; files do not count."""
    router = current_app.create_url_adapter(request)
    assert router is not None  # noqa: S101 - there is one wherever there is a request
    try:
        endpoint, _values = router.match(path, method="GET")
    except HTTPException:
        return False
    return str(endpoint) != "static"


def is_api(path: str) -> bool:
    """Return whether a path belongs to the JSON API, which never answers with a page of an error."""
    return path == "/api" or path.startswith("/api/")


def init_app(app: Flask) -> None:
    """Make `<int:…>` in every route mean an id."""
    app.url_map.converters["int"] = IdConverter
