"""Lists at the limits of the databases: what one of them does not take is refused before it is asked."""

from __future__ import annotations

from flask import Flask

from tests.fuzz.test_lists import LISTS, cursor, faults_with

#: True is a number to Python, and none to PostgreSQL.
FLAGS = ('["a", true]', '["a", false]', '["", true]')
#: SQLite gives up at 50,000 bytes of a pattern.
SEARCHES = ("x" * 60_000, "%25" * 20_000, "%00" * 20_000, "%C3%9F" * 10_000)


def test_a_flag_is_no_place_in_a_list(app: Flask) -> None:
    assert [fault for rule in LISTS for fault in faults_with(app, rule, map(cursor, FLAGS))] == []


def test_a_search_without_end_is_no_error_of_ours(app: Flask) -> None:
    queries = [f"q={text}" for text in SEARCHES]

    assert [fault for rule in LISTS for fault in faults_with(app, rule, queries)] == []
