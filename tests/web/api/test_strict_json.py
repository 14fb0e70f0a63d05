"""The reader of JSON, by itself."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from flask import Flask, request
from hypothesis import example, given
from hypothesis import strategies as st

from app.web.api.strict_json import MAX_DEPTH, MalformedJsonError, read
from tests.canary import CANARY, assert_no_canary

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_json_is_read_as_everybody_reads_it(value: Any) -> None:
    assert read(json.dumps(value).encode()) == value
    assert read(json.dumps(value, ensure_ascii=False)) == value


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"1" * 5000)
@example(b"[" * 60_000)
@example(b'{"a":' * 2000 + b"1" + b"}" * 2000)
def test_anything_else_is_malformed_and_nothing_worse(body: bytes) -> None:
    try:
        value = read(body)
    except MalformedJsonError:
        return
    # What was taken can be written again: nothing later in the request meets a surprise.
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        '{"a":1',
        "{'a':1}",
        '{"a":1,}',
        '{"a":1}{"b":2}',
        '{"a":1} x',
        "// comment\n{}",
        "NaN",
        "[Infinity]",
        "[-Infinity]",
        "[1e999]",
        "[-1e999]",
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        '{"a":1,"\\u0061":2}',
        '["\\ud800"]',
        '["\\udc00\\ud800"]',
        '{"\\ud800":1}',
        "\ufeff{}",
        '["a\nb"]',
        "[01]",
        "[" + "1" * 5000 + "]",
    ],
)
def test_what_two_readers_could_read_differently_is_malformed(text: str) -> None:
    with pytest.raises(MalformedJsonError):
        read(text)


@pytest.mark.parametrize("body", [b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', '{"a":1}'.encode("utf-16")])
def test_what_is_not_utf_8_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        read(body)


def test_pairs_of_surrogates_are_one_character() -> None:
    assert read('["\\ud83d\\udd11"]') == ["🔑"]


def test_depth_has_a_limit() -> None:
    assert read("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)
    for deeper in (MAX_DEPTH + 1, MAX_DEPTH + 2, 2000):
        with pytest.raises(MalformedJsonError):
            read("[" * deeper + "]" * deeper)
        with pytest.raises(MalformedJsonError):
            read('{"a":' * deeper + "1" + "}" * deeper)


@pytest.mark.parametrize(
    "text", [f'{{"token":"{CANARY}', f'{{"{CANARY}":1,"{CANARY}":2}}', f'["{CANARY}\\ud800"]']
)
def test_the_error_remembers_nothing_of_the_text(text: str) -> None:
    with pytest.raises(MalformedJsonError) as caught:
        read(text)

    assert (caught.value.args, caught.value.__context__, caught.value.__cause__) == ((), None, None)
    assert_no_canary(repr(vars(caught.value)), where="error")


def test_flasks_own_reader_is_as_strict(app: Flask) -> None:
    for body in (b'{"a":1,"a":2}', b"[NaN]", b"[" * 2000):
        with (
            app.test_request_context(data=body, content_type="application/json", method="POST"),
            pytest.raises(Exception, match="400 Bad Request"),
        ):
            request.get_json()


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_no_answer_holds_a_number_that_no_json_has(app: Flask, number: float) -> None:
    with app.app_context(), pytest.raises(ValueError, match="JSON"):
        app.json.dumps({"x": number})
