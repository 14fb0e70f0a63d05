"""Every route, those of tomorrow too, against every hostile request: no 5xx of ours, and never an echo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests.fuzz.answers import faults_of
from tests.fuzz.conftest import on_the_stricter
from tests.fuzz.hostile_bodies import BODIES, LARGE
from tests.fuzz.hostile_heads import (
    COOKIES_AND_HOSTS,
    HEADERS_BY_NAME,
    IDS,
    METHODS,
    other_queries,
    shown_queries,
)
from tests.fuzz.marks import new_mark
from tests.fuzz.rules import RULES, Rule
from tests.fuzz.visitors import VISITORS, Visitor

#: Bodies where none is expected.
WITH_GET = ("truncated", "a form", "a form in pieces", "multipart with a file", "a length too long")
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def sent(visitor: Visitor, rule: Rule, what: str, mark: str, **request: Any) -> list[str]:
    """Send a request, and return what is wrong with its answer."""
    path = request.pop("path", rule.path_with())
    place = f"{request['method'][:9]} {rule.path} by {visitor.name}, {what}"
    try:
        answer = visitor.send(path, **request)
    except Exception as error:
        error.add_note(place)
        raise
    return [f"{place}: {fault}" for fault in faults_of(answer, rule.path, mark)]


def filled(request: Any, mark: str) -> Any:
    """Return a request with the mark in its place, wherever that is."""
    if isinstance(request, dict):
        return {name: filled(value, mark) for name, value in request.items()}
    return request.replace("@mark@", mark) if isinstance(request, str) else request


@on_the_stricter
@every_rule
def test_no_body_method_query_or_header_breaks_a_route_or_is_echoed(app: Flask, rule: Rule) -> None:
    faults: list[str] = []
    for name in VISITORS:
        visitor = Visitor(app, name)
        faults += with_bodies(rule, visitor) + with_heads(rule, visitor)

    assert faults == []


def with_bodies(rule: Rule, visitor: Visitor) -> list[str]:
    """Send every body, and return what is wrong with the answers."""
    cases = [(method, what) for method in rule.changes for what in (*BODIES, *LARGE)]
    cases += [("GET", what) for what in (*WITH_GET, *LARGE) if "GET" in rule.methods]
    faults: list[str] = []
    for method, what in rule.share_of(visitor.name, cases):
        mark = new_mark()
        # Others come without one, so that the guard of forms has to look into the body for it.
        token = visitor.csrf_token if visitor.name == rule.meant_for else ""
        request = LARGE[what] if what in LARGE else BODIES[what].request(mark, token)
        headers = {"X-CSRFToken": token} if token else {}
        faults += sent(visitor, rule, what, mark, method=method, headers=headers, **request)
    return faults


def with_heads(rule: Rule, visitor: Visitor) -> list[str]:
    """Send every method, query and header, and return what is wrong with the answers."""
    faults: list[str] = []
    for what, head in rule.share_of(visitor.name, heads(rule, visitor.name)):
        mark = new_mark()
        request = rule.right(visitor.csrf_token) | filled(head, mark)
        faults += sent(visitor, rule, what, mark, **request)
    return faults


def heads(rule: Rule, visitor: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name → what is put over a request that is right."""
    for method in METHODS:
        yield "method", {"method": method, "data": '{"@mark@"', "content_type": "application/json"}
    # What reads these is the same everywhere, but for lists: those are asked in `test_lists`.
    for query in (*rule.few_of(shown_queries()), *other_queries(with_mark=visitor != "anonymous")):
        yield f"query {query[:40]}", {"query_string": query}
    for what, environ in rule.few_of(HEADERS_BY_NAME.items()):
        yield what, {"environ_overrides": environ}


@on_the_stricter
@pytest.mark.parametrize("rule", [pytest.param(RULES[path], id=path) for path in RULES if "<" in path])
def test_no_id_breaks_a_route_or_is_echoed(app: Flask, rule: Rule) -> None:
    faults: list[str] = []
    for name in VISITORS:
        visitor = Visitor(app, name)
        for value in rule.share_of(name, IDS):
            mark = new_mark()
            path = rule.path_with(value.replace("@mark@", mark))
            faults += sent(
                visitor, rule, f"id {value[:40]}", mark, path=path, **rule.right(visitor.csrf_token)
            )

    assert faults == []


def test_no_cookie_or_host_breaks_a_route_or_is_echoed(app: Flask) -> None:
    client = app.test_client(use_cookies=False)

    faults = []
    for rule in RULES.values():
        for what, environ in COOKIES_AND_HOSTS.items():
            mark = new_mark()
            request = rule.right("") | filled({"environ_overrides": environ}, mark)
            answer = client.open(rule.path_with(), **request)
            faults += [f"{rule.path}, {what}: {fault}" for fault in faults_of(answer, rule.path, mark)]

    assert faults == []


@pytest.mark.parametrize(
    "shape", ["/@mark@", "/api/@mark@", "/api/", "/@mark@/..%2f@mark@%00", "/settings/@mark@"]
)
def test_what_is_no_route_is_not_found_and_not_repeated(app: Flask, shape: str) -> None:
    nowhere = Rule(shape, 0)

    faults = []
    for name in VISITORS:
        visitor = Visitor(app, name)
        for method in METHODS:
            mark = new_mark()
            path = shape.replace("@mark@", mark)
            faults += sent(visitor, nowhere, "no route", mark, path=path, method=method, data=mark)

    assert faults == []
