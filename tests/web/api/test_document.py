"""What the API says of itself, and that it is true."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.generation import GenerationMode

from tests.pages import PageClient
from tests.web.api.conftest import Program, assert_problem


def no_fault_of_ours(_context: Any, response: Any, _case: Any) -> None:
    """The contract has three 5xx, which speak of others; that they are described is checked besides."""
    assert response.status_code < 500 or response.status_code in {502, 503, 504}


CHECKS = [
    no_fault_of_ours,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def operations_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_every_route_of_the_api_is_described(app: Flask, stranger: PageClient) -> None:
    described = set(operations_of(stranger.get("/api/openapi.json").json))

    routed = {
        f"{method} {rule.rule.replace('<int:', '{').replace('>', '}')}"
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and not rule.endpoint.startswith("api_document.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert described == routed


def test_the_document_is_openapi_3_1_and_every_reference_leads_somewhere(stranger: PageClient) -> None:
    answer = stranger.get("/api/openapi.json")
    document = answer.json

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert document["openapi"].startswith("3.1.")
    for reference in _references(document):
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    used = {reference.rpartition("/")[2] for reference in _references(document)}
    assert set(document["components"]["schemas"]) <= used
    identifiers = [operation["operationId"] for operation in operations_of(document).values()]
    assert len(identifiers) == len(set(identifiers))


def _references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*(_references(inner) for inner in part.values()))
    if isinstance(part, list):
        return set().union(*(_references(inner) for inner in part))
    return set()


def test_errors_are_described_as_they_are_answered(stranger: PageClient) -> None:
    document = stranger.get("/api/openapi.json").json

    for name, operation in operations_of(document).items():
        errors = {status for status in operation["responses"] if not status.startswith("2")}
        assert {"400", "401", "default"} <= errors, name
        if "requestBody" in operation:
            assert {"413", "415", "422"} <= errors, name
    for response in document["components"]["responses"].values():
        problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
        assert response["content"] == {"application/problem+json": problem}


def test_what_a_caller_needs_is_described(stranger: PageClient) -> None:
    document = stranger.get("/api/openapi.json").json

    schemes = document["components"]["securitySchemes"]
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", "session")
    assert (schemes["csrf_token"]["in"], schemes["csrf_token"]["name"]) == ("header", "X-CSRFToken")
    for name, operation in operations_of(document).items():
        if name == "POST /api/session":
            assert operation["security"] == []
        elif name.startswith("GET"):
            assert operation["security"] == [{"session": []}]
        else:
            assert operation["security"] == [{"session": [], "csrf_token": []}]


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ("Credentials", "password"),
        ("NewToken", "token"),
        ("TypedToken", "mcp_auth_token"),
        ("ToolCall", "mcp_auth_token"),
    ],
)
def test_secrets_go_in_and_never_out(stranger: PageClient, schema: str, field: str) -> None:
    described = stranger.get("/api/openapi.json").json["components"]["schemas"][schema]

    assert described["properties"][field]["writeOnly"] is True
    assert described["properties"][field]["format"] == "password"
    assert described["additionalProperties"] is False


def test_ids_are_described_with_their_bounds(stranger: PageClient) -> None:
    document = stranger.get("/api/openapi.json").json

    bounds = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
    for path, item in document["paths"].items():
        if "{" in path:
            schemas = [parameter["schema"] for parameter in item["parameters"]]
            assert schemas == [bounds] * path.count("{")


def test_the_page_shows_every_operation_and_nothing_foreign(stranger: PageClient) -> None:
    page = stranger.get_page("/api/docs")

    described = operations_of(stranger.get("/api/openapi.json").json)
    for name in described:
        assert name in page.text
    assert page.find("a", href="/api/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_as_the_document_says(ann: Program, app: Flask, mode: GenerationMode) -> None:
    """Send what the document allows, and what it does not, and hold every answer to it."""
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    cookie = ann.client.get_cookie("session")
    assert cookie is not None

    for result in schema.get_all_operations():
        operation = result.ok()
        # What signs out would make every later answer a 401.
        if operation.label != "DELETE /api/session":
            fuzz(operation, mode, headers=ann.headers, cookies={"session": cookie.value})


def fuzz(operation: Any, mode: GenerationMode, **signed_in: Any) -> None:
    # Ids have tests of their own; here the one that is there lets every request come further.
    ids = dict.fromkeys(re.findall(r"\{(\w+)\}", operation.label), 1)
    known = {"path_parameters": ids} if ids else {}

    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode, **known))
    def send(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, **signed_in)

    try:
        send()
    except Unsatisfiable:
        # Nothing about this operation can be said wrongly.
        assert mode is GenerationMode.NEGATIVE


@pytest.mark.parametrize(
    "path", ["/api/session", "/api/mcp-servers", "/api/mcp-servers/{server_id}/auth-token"]
)
def test_a_method_that_is_not_described_is_405_with_those_that_are(stranger: PageClient, path: str) -> None:
    item = stranger.get("/api/openapi.json").json["paths"][path]
    described = {name.upper() for name in item if name != "parameters"}

    for method in ("TRACE", "PUT", "PATCH", "PROPFIND", "CONNECT"):
        answer = stranger.open(path.replace("{server_id}", "1"), method=method)
        assert_problem(answer, 405, "method_not_allowed")
        assert described <= set(answer.headers["Allow"].split(", "))
