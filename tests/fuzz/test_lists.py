"""Lists: a place that no list has, and a filter that means nothing, is no error of ours."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from itertools import product

from flask import Flask

from tests.fuzz.answers import faults_of
from tests.fuzz.hostile_heads import VALUES
from tests.fuzz.marks import new_mark
from tests.fuzz.rules import RULES, Rule
from tests.fuzz.visitors import Visitor
from tests.pages import Page

#: Names by which lists are told places, filters and searches; others stand in the forms on their pages.
NAMES = {"q", "after", "before", "status", "limit"}
#: What a cursor could stand for: those of ours are a name and an id.
POSITIONS = (
    *(
        "null",
        "[]",
        '["a"]',
        '["a", null]',
        "[1, 1]",
        '["a", "1"]',
        '["a", 1.5]',
        '["a", -1]',
        '["a", 1e400]',
    ),
    *('["a", 2147483648]', '["a", 9223372036854775808]', '["a", NaN]', "[[[[]]]]", '{"a": 1}', '["", 1, 1]'),
    *('["a\\u0000", 1]', '["\\ud800", 1]', '["\\u202e", 1]', "[" * 9000, '["' + "a" * 9000 + '", 1]'),
)
#: Asked one after the other in one app: who asks for a list changes nothing.
LISTS = [rule for rule in RULES.values() if rule.is_list]


def faults_with(app: Flask, rule: Rule, queries: Iterable[str]) -> list[str]:
    """Ask the list for each, as whoever it is for; return what is wrong with the answers."""
    visitor, mark, faults = Visitor(app, rule.meant_for), new_mark(), []
    for query in queries:
        answer = visitor.send(rule.path, method="GET", query_string=query)
        faults += [f"{rule.path}?{query[:40]}: {fault}" for fault in faults_of(answer, rule.path, mark)]
    return faults


def cursor(position: str) -> str:
    """Return a cursor that is written as ours are."""
    return "after=" + base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def test_no_list_takes_a_hostile_value_for_a_place_or_a_filter(app: Flask) -> None:
    faults = []
    for rule in LISTS:
        page = Page(Visitor(app, rule.meant_for).send(rule.path, method="GET").get_data(as_text=True))
        asked_for = page.find("input", "select")
        names = NAMES | {field.attributes["name"] for field in asked_for if "name" in field.attributes}
        queries = (f"{name}={value}" for name, value in product(sorted(names), rule.few_of(VALUES)))
        faults += faults_with(app, rule, queries)

    assert faults == []


def test_a_cursor_that_is_none_of_ours_is_no_error_of_ours(app: Flask) -> None:
    assert [fault for rule in LISTS for fault in faults_with(app, rule, map(cursor, POSITIONS))] == []
