"""Blueprint: routes that read strictly, check CSRF by header and describe themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

import flask_smorest
from flask import Response

from app.extensions import csrf
from app.web.api.bodies import Parser
from app.web.api.csrf import protect
from app.web.urls import SAFE_METHODS

View = TypeVar("View", bound=Callable[..., Any])

COOKIE: Final = "session"
HEADER: Final = "csrf_token"


class Blueprint(flask_smorest.Blueprint):
    """A group of routes of the API."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, import_name: str, *, path: str, description: str) -> None:
        super().__init__(name, import_name, url_prefix=f"/api{path}", description=description)
        self._prepare_doc_cbks.append(_describe_guards)
        csrf.exempt(self)
        self.before_request(protect)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: View | None = None,
        *args: Any,
        **options: Any,
    ) -> None:
        """Add a route; the document calls the operation as its view is called."""
        described = self.doc(operationId=view_func.__name__)(view_func) if view_func else None
        super().add_url_rule(rule, endpoint, described, *args, **options)

    def register_views_in_doc(self, api: Any, *args: Any, **options: Any) -> None:
        """Let the routes be described once somebody asks for the document (`app.web.api.document.Api`)."""
        api.describe_later(partial(super().register_views_in_doc, api, *args, **options))

    def problems(self, *statuses: int) -> Callable[[View], View]:
        """Describe further errors that a view may answer, besides those that any view may."""

        def describe(view: View) -> View:
            for status in statuses:
                view = self.alt_response(status, HTTPStatus(status).name)(view)
            return view

        return describe


def no_content() -> Response:
    """Return an answer that says by its status alone that it is done."""
    response = Response(status=204)
    # Of nothing there is no type.
    del response.headers["Content-Type"]
    return response


def _describe_guards(
    doc: dict[str, Any], _info: dict[str, Any], *, method: str, **_context: Any
) -> dict[str, Any]:
    """Add what stands before every view: the sign-in, the CSRF token the limits, and the database behind."""
    changes = method.upper() not in SAFE_METHODS
    doc["security"] = [{COOKIE: []} | ({HEADER: []} if changes else {})]
    body, limited = (413, 415) if "requestBody" in doc else (), (429,) if changes else ()
    for status in (400, 401, *body, *limited, 503):
        doc["responses"].setdefault(status, HTTPStatus(status).name)
    doc["responses"] = dict(sorted(doc["responses"].items(), key=lambda item: str(item[0])))
    return doc
