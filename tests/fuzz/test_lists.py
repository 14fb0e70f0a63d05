"""Lists: places that no list has, and searches longer than a database takes, are no error of ours."""

from __future__ import annotations

import base64

import pytest
from flask import Flask

from tests.fuzz.answers import faults_of
from tests.fuzz.marks import new_mark
from tests.fuzz.rules import RULES
from tests.fuzz.visitors import Visitor

#: JSON that a cursor could hold. True is a number to Python, and none to PostgreSQL.
POSITIONS = ('["a", true]', '["a", false]', '["", true]')
#: SQLite gives up at 50,000 bytes of a pattern.
SEARCHES = ("x" * 60_000, "%25" * 20_000, "%00" * 20_000, "%C3%9F" * 10_000)
every_list = pytest.mark.parametrize("path", [path for path, rule in RULES.items() if rule.is_list])


@every_list
def test_a_cursor_that_is_none_of_ours_is_no_error_of_ours(app: Flask, path: str) -> None:
    visitor, mark = Visitor(app, RULES[path].meant_for), new_mark()

    for position in POSITIONS:
        cursor = base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")
        answer = visitor.send(path, method="GET", query_string=f"after={cursor}")
        assert faults_of(answer, path, mark) == []


@every_list
def test_a_search_without_end_is_no_error_of_ours(app: Flask, path: str) -> None:
    visitor, mark = Visitor(app, RULES[path].meant_for), new_mark()

    for query in SEARCHES:
        answer = visitor.send(path, method="GET", query_string=f"q={query}")
        assert faults_of(answer, path, mark) == []
