from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel

from app.web.tool_result import MAX_BLOCK_CHARS, blocks_of


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


def test_structured_content_that_says_more_is_shown_too() -> None:
    found = blocks_of([text("three found")], {"count": 3})

    assert [(block.note, block.text) for block in found][1:] == [("Structured content", '{\n  "count": 3\n}')]


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    block = blocks_of([text("x" * (MAX_BLOCK_CHARS + 7))], None)[0]

    assert (len(block.text), block.left_off) == (MAX_BLOCK_CHARS, 7)


def test_pictures_are_named_and_never_drawn() -> None:
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
