"""JSON view: a server's JSON has an end here, and is shown as it was written."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from app.web.json_view import (
    MAX_CHILDREN,
    MAX_COLUMNS,
    MAX_DEPTH,
    MAX_JSON_CHARS,
    MAX_NODES,
    MAX_ROWS,
    MAX_TEXT_CHARS,
    MAX_TREE_CHARS,
    Node,
    read_json,
    table_of,
    tree_of,
)


def every(node: Node) -> list[Node]:
    return [node, *(one for child in node.children for one in every(child))]


def shown(text: str) -> list[tuple[str, str]]:
    """Return names and texts of the values in a tree."""
    return [(one.name, one.text) for one in every(tree_of(read_json(text))) if one.kind == "value"]


def test_numbers_are_shown_as_they_were_written() -> None:
    text = '{"a": 1e400, "b": 1.10, "c": NaN, "d": -Infinity, "e": ' + "9" * 1000 + ', "f": true, "g": null}'

    found = dict(shown(text))

    assert found == {
        '"a"': "1e400",
        '"b"': "1.10",
        '"c"': "NaN",
        '"d"': "-Infinity",
        '"e"': "9" * 1000,
        '"f"': "true",
        '"g"': "null",
    }


def test_a_name_that_stands_twice_is_shown_twice() -> None:
    assert shown('{"a": 1, "a": 2}') == [('"a"', "1"), ('"a"', "2")]


def test_texts_are_written_as_json_writes_them_with_what_misleads_written_out() -> None:
    assert shown('["<b>\\u202e\\ud800\\n", {"\\u2066": ""}]') == [
        ("", '"<b>\\u202e\\ud800\\n"'),
        ('"\\u2066"', '""'),
    ]


@pytest.mark.parametrize(
    "text", ["", "null", "3", '"a"', "{not json", "[1", "[" * 100_000, "x" * MAX_JSON_CHARS]
)
def test_what_is_no_list_or_object_is_not_read(text: str) -> None:
    assert read_json(text) is None


def test_depth_number_and_length_have_an_end_and_what_is_left_off_is_counted() -> None:
    deep = tree_of(read_json("[" * 300 + "]" * 300))
    wide = tree_of(list(range(MAX_CHILDREN + 7)))
    much = tree_of([[0] * 100] * 100)
    long = tree_of(["x" * 100_000] * 100)

    assert len(every(deep)) == MAX_DEPTH + 1
    assert every(deep)[-1].left_off == 1
    assert (len(wide.children), wide.left_off) == (MAX_CHILDREN, 7)
    assert len(every(much)) <= MAX_NODES + 1
    assert sum(one.left_off for one in every(much)) > 0
    assert len(long.children[0].text) <= MAX_TEXT_CHARS + 2
    assert sum(len(one.text) for one in every(long)) <= MAX_TREE_CHARS + MAX_TEXT_CHARS + 2


@pytest.mark.parametrize(
    "text",
    [
        "{" + ",".join(f'"{number}":{number}' for number in range(30_000)) + "}",
        "[" + ",".join(["[]"] * 160_000) + "]",
        '{"a":' * 900 + "1" + "}" * 900,
        "[" + "1," * 240_000 + "1]",
        '["' + "\\ud800" * 80_000 + '"]',
        "[" + "9" * 490_000 + "]",
        "[" + ",".join(["{" + ",".join(f'"{n}":{n}' for n in range(900)) + "}"] * 50) + "]",
    ],
)
def test_hostile_json_is_never_slow(text: str) -> None:
    started = time.process_time()

    value = read_json(text)
    found = every(tree_of(value))
    table_of(value)

    assert value is not None
    assert len(found) <= MAX_NODES + 1
    # It takes about a tenth; so much more would be another order of growth.
    assert time.process_time() - started < 3


def test_a_list_of_flat_objects_is_a_table() -> None:
    table = table_of(read_json('[{"a": 1.0, "b": "x"}, {"b": null, "c": "<b>"}]'))

    assert table is not None
    assert table.columns == ("a", "b", "c")
    assert table.rows == (("1.0", "x", None), (None, "null", "<b>"))
    assert (table.more_rows, table.more_columns) == (0, 0)


@pytest.mark.parametrize("wrapped", [{"models": [{"a": 1}]}, {"result": [{"a": 1}]}, [{"a": 1}]])
def test_a_table_may_be_an_objects_only_entry(wrapped: Any) -> None:
    table = table_of(read_json(json.dumps(wrapped)))

    assert table == table_of(wrapped)
    assert table is not None
    assert table.rows == (("1",),)


@pytest.mark.parametrize(
    "value",
    [[], {}, [1], [{}], [{"a": 1}, 2], [{"a": []}], {"a": [{"b": 1}], "c": 1}, [[{"a": 1}]], {"a": {"b": 1}}],
)
def test_anything_else_is_no_table(value: Any) -> None:
    assert table_of(read_json(json.dumps(value))) is None


def test_an_object_that_says_a_name_twice_is_no_row() -> None:
    assert table_of(read_json('[{"a": 1, "a": 2}]')) is None


def test_a_table_has_an_end_and_says_what_is_left_off() -> None:
    row = {f"column {number}": "x" * 1000 for number in range(MAX_COLUMNS + 3)}

    table = table_of([row] * (MAX_ROWS + 5))

    assert table is not None
    assert (len(table.rows), table.more_rows) == (MAX_ROWS, 5)
    assert (len(table.columns), table.more_columns) == (MAX_COLUMNS, 3)
    assert all(len(cell or "") <= 200 for cells in table.rows for cell in cells)
