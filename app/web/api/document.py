"""Document: what the API says of itself, as OpenAPI 3.1 and as a page."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from threading import Lock
from typing import Any, Final, cast

import flask_smorest
from flask import Blueprint, Flask, current_app, render_template
from flask.typing import ResponseReturnValue

from app.web import problems
from app.web.access import public
from app.web.api.blueprint import COOKIE, HEADER
from app.web.api.operations import read_operations, read_schema
from app.web.api.schemas import Problem
from app.web.urls import MAX_ID, IdConverter

PROBLEM_TYPE: Final = "application/problem+json"
ABOUT: Final = (
    "Save a token for an MCP server, see what is known of it, and use it. A saved token never comes out. "
    "Bodies are application/json in UTF-8; unknown fields are refused. Every error is a problem "
    "document (RFC 9457) with a code to act on."
)

document = Blueprint("api_document", __name__, url_prefix="/api")


class Api(flask_smorest.Api):
    """The API of one app, with errors described as `app.web.problems` answers them.

    Routes are described when the document is first asked for: that takes longer than adding them, and most
    processes are never asked.
    """

    def __init__(self, app: Flask, **options: Any) -> None:
        self._undescribed: list[Callable[[], None]] = []
        self._describing = Lock()
        super().__init__(app, **options)

    def describe_later(self, describe: Callable[[], None]) -> None:
        """Have routes described with the document."""
        self._undescribed.append(describe)

    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document, with every route in it."""
        with self._describing:
            for describe in self._undescribed:
                describe()
            self._undescribed.clear()
            return cast(dict[str, Any], self.spec.to_dict())

    def _register_responses(self) -> None:
        content = {PROBLEM_TYPE: {"schema": Problem}}
        for status in {*problems.CODES, *problems.STATUSES.values()}:
            described = HTTPStatus(status)
            response = {"description": described.phrase, "content": content}
            self.spec.components.response(described.name, response, lazy=True)
        other = {"description": "Any other error", "content": content}
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, other, lazy=True)

    def _register_pagination_header(self) -> None:
        """Describe none: our pages are told by a cursor in the answer."""


def make_api(app: Flask) -> Api:
    """Return the app's API, without routes yet."""
    api = Api(
        app,
        spec_kwargs={
            "title": "MCP Market",
            "version": "1",
            "openapi_version": "3.1.0",
            "info": {"description": ABOUT},
            "servers": [{"url": "/"}],
        },
    )
    api.register_converter(
        IdConverter, lambda _converter: {"type": "integer", "minimum": 1, "maximum": MAX_ID}
    )
    cookie = {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]}
    header = {"type": "apiKey", "in": "header", "name": "X-CSRFToken"}
    for name, scheme, how in (
        (COOKIE, cookie, "Set by POST /api/session."),
        (HEADER, header, "The csrf_token of POST and GET /api/session."),
    ):
        api.spec.components.security_scheme(name, scheme | {"description": how})
    return api


@document.get("/openapi.json")
@public
def openapi() -> ResponseReturnValue:
    """Answer with the OpenAPI document."""
    return current_app.json.response(_described())


@document.get("/docs")
@public
def page() -> ResponseReturnValue:
    """Show the same document as a page."""
    described = _described()
    problem = read_schema(described, Problem.__name__)
    groups = read_operations(described)
    return render_template("api/docs.html", api=described, groups=groups, problem=problem)


def _described() -> dict[str, Any]:
    api: Api = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    return api.document()
