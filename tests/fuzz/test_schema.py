"""Schemathesis: the API answers as its document says, to what fits the document and to what does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from app import create_app
from tests.fuzz.answers import UPSTREAM_STATUSES, faults_of
from tests.fuzz.marks import new_mark
from tests.fuzz.visitors import Visitor

DOCUMENT = "/api/openapi.json"
METHODS = {"get", "post", "put", "patch", "delete"}
#: Without these, cookie and CSRF token would be made up too, and nothing get past the guards.
CONFIG = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
load_all_checks()
CONFORMS = CHECKS.get_by_names(
    [
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
    ]
)
#: How often each operation is tried in each way; the same cases in every run.
EXAMPLES = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
#: What is there: a server, a group, and a person who is in it.
THERE = {"server_id": 1, "group_id": 1, "user_id": 1}
SIGN_IN = ("/api/session", "post")


#: Who gets past the guards: of admins' operations, everyone else sees the 404 alone.
INSIDERS = {"user", "admin"}


class Way(NamedTuple):
    """One way to try one operation."""

    path: str
    method: str
    mode: GenerationMode
    is_there: bool

    def __str__(self) -> str:
        """Return what the test is called by."""
        place = " of what is there" if self.is_there else ""
        return f"{self.mode.value} {self.method.upper()} {self.path}{place}"


def read_paths() -> dict[str, Any]:
    """Return path → what the document says of it."""
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite://"})
    paths: dict[str, Any] = app.test_client().get(DOCUMENT).json["paths"]
    return paths


def ways() -> Iterator[Way]:
    """Yield every operation of the document, with each way in which something can be made up for it."""
    for path, item in PATHS.items():
        has_id = "{" in path
        for method in METHODS & item.keys():
            described = item[method].keys() | item.keys()
            yield Way(path, method, GenerationMode.POSITIVE, has_id)
            if "requestBody" in described and has_id:
                yield Way(path, method, GenerationMode.NEGATIVE, is_there=True)
            if {"requestBody", "parameters"} & described:
                yield Way(path, method, GenerationMode.NEGATIVE, is_there=False)


PATHS = read_paths()


def hold(case: Case, visitor: Visitor) -> int:
    """Send a case, hold its answer to the document, and return its status."""
    headers = {"X-CSRFToken": visitor.csrf_token}
    answer = case.call(session=visitor.client, headers=headers)
    case.validate_response(answer, checks=CONFORMS, headers=headers)
    status: int = answer.status_code
    assert status < 500 or ("playground" in case.path and status in UPSTREAM_STATUSES)
    # Said by itself: "any other error", which is in the document too, would conform to it.
    assert str(status) in case.operation.definition.raw["responses"]
    if case.path == "/api/session" and status < 400 and case.method != "GET":
        visitor.begin()
    return status


@pytest.mark.parametrize("name", ["insider", "anonymous"])
@pytest.mark.parametrize("way", sorted(ways()), ids=str)
def test_every_answer_is_of_the_document(app: Flask, way: Way, name: str) -> None:
    operation = schemathesis.openapi.from_wsgi(DOCUMENT, app, config=CONFIG)[way.path][way.method]
    ids = {name: value for name, value in THERE.items() if f"{{{name}}}" in way.path}
    known = {"path_parameters": ids} if way.is_there else {}
    if name == "insider":
        name = "admin" if way.path.startswith("/api/admin/") else "user"
    visitor = Visitor(app, name)
    if name == "user":
        headers = {"X-CSRFToken": visitor.csrf_token}
        visitor.client.post(
            "/api/mcp-servers/1/auth-token", json={"token": "a-token-of-mine"}, headers=headers
        )
    statuses: set[int] = set()

    @EXAMPLES
    @given(case=operation.as_strategy(way.mode, **known))
    def send(case: Case) -> None:
        statuses.add(hold(case, visitor))

    send()

    if (way.path, way.method) != SIGN_IN:
        # Whatever was sent, whoever is signed in stays so, and nobody else comes in.
        assert 401 not in statuses if name in INSIDERS else statuses <= {401, 404}


@pytest.mark.parametrize("path", PATHS)
def test_every_other_method_is_refused_with_those_that_are_allowed(app: Flask, path: str) -> None:
    visitor = Visitor(app, "user")
    described = {method.upper() for method in METHODS & PATHS[path].keys()}

    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - described:
        answer = visitor.send(
            path.format(**THERE), method=method, headers={"X-CSRFToken": visitor.csrf_token}
        )
        assert answer.status_code == 405
        assert faults_of(answer, path, new_mark()) == []
        assert set(answer.allow) - {"HEAD", "OPTIONS"} == described
