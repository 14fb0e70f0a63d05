from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel

from app.web.tool_result import MAX_BLOCK_CHARS, MAX_PICTURE_CHARS, MAX_TREES, blocks_of
from tests.mcp_servers.rich import image, png


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        yield


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def test_json_is_indented_and_other_text_stays_as_it_is() -> None:
    found = blocks_of([text('{"a":[1]}'), text("{not json"), text("plain")], None)

    assert [block.text for block in found] == ['{\n  "a": [\n    1\n  ]\n}', "{not json", "plain"]


@pytest.mark.parametrize(
    ("said", "structured"),
    [
        ("42", {"result": 42}),
        ("hello", {"result": "hello"}),
        ('{"a": 1}', {"a": 1}),
        ('{"a": 1}', {"result": {"a": 1}}),
    ],
)
def test_structured_content_that_says_the_same_is_shown_once(said: str, structured: Any) -> None:
    assert len(blocks_of([text(said)], structured)) == 1


def test_a_list_whose_items_came_one_by_one_is_one_table() -> None:
    rows = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]

    (block,) = blocks_of([text('{"id": 1, "name": "a"}'), text('{"name":"b","id":2}')], {"result": rows})
    apart = blocks_of([text('{"id": 1, "name": "a"}'), text("two")], {"result": rows})

    assert block.table is not None
    assert [block.note for block in apart] == ["", "", "Structured content"]


def test_structured_content_that_says_more_is_shown_too() -> None:
    found = blocks_of([text("three found")], {"count": 3})

    assert [(block.note, block.text) for block in found][1:] == [("Structured content", '{\n  "count": 3\n}')]


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    block = blocks_of([text("x" * (MAX_BLOCK_CHARS + 7))], None)[0]

    assert (len(block.text), block.left_off) == (MAX_BLOCK_CHARS, 7)


def test_what_is_called_a_picture_and_is_none_is_named_only() -> None:
    block = blocks_of([{"type": "image", "data": "AAAA", "mimeType": "image/png"}], None)[0]

    assert (block.text, block.note) == ("", "Image, image/png, 3 bytes")


def test_characters_that_reorder_or_cannot_be_sent_are_written_out() -> None:
    assert blocks_of([text("a\u202eb\ud800\x1bc")], None)[0].text == "a\\u202eb\\ud800\\u001bc"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"type": 7},
        {"type": "text", "text": None},
        {"type": "image", "data": 3},
        {"type": "resource", "resource": []},
        {"type": "resource", "resource": {"uri": 1, "text": "t"}},
        {"type": "resource_link", "uri": "javascript:alert(1)"},
    ],
)
def test_a_block_of_any_shape_is_shown_somehow(odd: dict[str, Any]) -> None:
    assert len(blocks_of([odd], None)) == 1


def test_no_more_parts_are_shown_than_a_page_can_bear() -> None:
    found = blocks_of([text("x")] * 80, None)

    assert (len(found), found[-1].note) == (51, "30 more parts are not shown.")


def test_json_is_a_tree_besides_and_a_table_where_it_is_one() -> None:
    found = blocks_of([text('{"models": [{"id": 1.0}]}'), text("plain")], {"more": True})

    assert found[0].tree is not None
    assert found[0].table is not None
    assert found[0].table.rows == (("1.0",),)
    assert '"id": 1.0' in found[0].text
    assert (found[1].tree, found[1].table) == (None, None)
    assert found[2].tree is not None


def test_a_picture_is_what_its_bytes_are_whatever_a_server_calls_it() -> None:
    found = blocks_of([image(png(3, 2), "image/svg+xml"), image(b"<svg/>", "image/png")], None)

    assert found[0].picture is not None
    assert found[0].note.startswith("Image, image/png, ")
    assert found[1].picture is None


def test_an_answer_is_no_larger_than_a_page_can_bear() -> None:
    large = image(png(40, 40) + b"\0" * 900_000)
    trees = blocks_of([text("[1]")] * 20, None)
    pictures = blocks_of([large] * 20, None)

    assert sum(block.tree is not None for block in trees) == MAX_TREES
    assert [block.text for block in trees] == ["[\n  1\n]"] * 20
    assert 0 < sum(len(block.picture.data) for block in pictures if block.picture) <= MAX_PICTURE_CHARS


def test_json_that_is_nested_deeply_is_text() -> None:
    deep = "[" * 900 + "]" * 900

    block = blocks_of([text(deep)], None)[0]

    assert len(block.text) <= MAX_BLOCK_CHARS
    assert block.text.replace(" ", "").replace("\n", "")[:900] == deep[:900]


def test_an_answer_that_is_only_spaces_inside_is_never_slow() -> None:
    started = time.process_time()

    blocks_of([text("[" * 90 + "1," * 9000 + "1" + "]" * 90)] * 50, None)

    assert time.process_time() - started < 10
