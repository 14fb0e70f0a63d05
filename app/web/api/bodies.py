"""Bodies: how every route of the API reads what it is sent, and says what is wrong with it.

Nothing of what was sent comes back: answers name fields of ours and reasons of ours. A field that we do
not know may itself be a token in the wrong place, so its name is not repeated either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

import marshmallow as ma
from flask import Request, abort
from webargs.core import missing
from webargs.flaskparser import FlaskParser

from app.web.api import strict_json
from app.web.messages import REASONS
from app.web.problems import InvalidFieldsError

#: Under this name stands what is wrong with the body as a whole.
WHOLE: Final = ""


class Parser(FlaskParser):
    """Reads bodies strictly and query strings by their schema; raises our problems."""

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Return the object in the body, or `missing` when there is no body at all."""
        body = req.get_data()
        if req.content_length is None and len(body) >= (req.max_content_length or math.inf):
            # Werkzeug cuts a body of unknown length at the limit, and says nothing.
            abort(413)
        if not body and not req.content_length:
            return missing
        if not _is_json(req):
            abort(415)
        try:
            value = strict_json.read(body)
        except strict_json.MalformedJsonError:
            value = None
        if not isinstance(value, dict):
            abort(400)
        return value

    def handle_error(
        self, error: ma.ValidationError, req: Request, schema: ma.Schema, **_options: Any
    ) -> NoReturn:
        """Raise InvalidFieldsError with a reason for each field of ours that was refused."""
        reasons: dict[str, str] = {}
        # webargs puts marshmallow's answer under the name of the place: body or query.
        for found in cast(dict[str, Any], error.messages).values():
            for name, why in found.items():
                known = name if name in schema.fields else WHOLE
                reasons.setdefault(known, _reason(why))
        raise InvalidFieldsError(reasons) from None


def _is_json(req: Request) -> bool:
    """Whether the body says it is plain JSON in UTF-8 (RFC 8259, 8.1)."""
    charset = req.mimetype_params.get("charset", "utf-8").lower()
    packed = req.headers.get("Content-Encoding", "identity").lower() != "identity"
    return req.mimetype == "application/json" and charset in {"utf-8", "utf8"} and not packed


def _reason(why: Any) -> str:
    """Return the first reason in marshmallow's answer, or `invalid` for a text that is not ours."""
    while isinstance(why, Mapping | list):
        why = next(iter(why.values() if isinstance(why, Mapping) else why), "")
    return why if why in REASONS else "invalid"
