"""Answers of probe tools: what is compared of them, and whom they name."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mcp.answers import MAX_LEAVES, echoes_in, identity_in, leaves_of
from app.mcp.redaction import REMOVED

SECRET = "right-token-0123456789"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def said(structured: Any, *texts: str) -> dict[str, Any]:
    return {"structured": structured, "content": [{"type": "text", "text": text} for text in texts]}


@given(JSON)
def test_any_answer_is_like_itself_as_data_and_as_text(answer: Any) -> None:
    assert leaves_of(said(answer)) == leaves_of(said(answer))
    assert leaves_of(said(None, json.dumps(answer))) == leaves_of(said(None, json.dumps(answer, indent=1)))


@given(st.lists(JSON), st.randoms())
def test_the_order_of_a_list_is_no_difference(answer: list[Any], random: Any) -> None:
    shuffled = random.sample(answer, len(answer))

    assert leaves_of(said(shuffled)) == leaves_of(said(answer))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        (["a"], ["a", "a"]),
        ({}, []),
        ("ann", "nobody"),
    ],
)
def test_what_differs_is_seen(one: Any, other: Any) -> None:
    assert leaves_of(said(one)) != leaves_of(said(other))


def test_an_echo_is_found_in_values_and_in_names() -> None:
    leaves = leaves_of(said({"a": f"x {REMOVED} y", REMOVED: 1, "b": [REMOVED, "c"], "d": "e"}))

    assert echoes_in(leaves) == {("a",), (REMOVED,), ("b", "[]")}


@pytest.mark.parametrize(
    "answer",
    [
        [[i] for i in range(300_000)],
        {str(i): "x" for i in range(300_000)},
        json.loads('{"a":[' * 400 + "]}" * 400),
        "[" * 900 + "]" * 900,
    ],
    ids=["list", "object", "deep", "deep text"],
)
def test_an_answer_without_end_is_compared_in_no_time(answer: Any) -> None:
    started = time.process_time()

    leaves = leaves_of(said(answer))

    assert 0 < leaves.total() <= MAX_LEAVES
    assert time.process_time() - started < 2


def test_an_answer_of_more_blocks_than_are_looked_at_names_whom_its_first_ones_name() -> None:
    cut = [
        {"type": "text", "text": '{"login": "ann"}'},
        *({"type": "image"} for _ in range(50)),
        "[the rest was left off]",
    ]

    assert identity_in({"content": cut, "structured": None}, SECRET) == "ann"
    assert identity_in({"content": cut[::-1], "structured": None}, SECRET) is None


@pytest.mark.parametrize(
    "answer",
    [
        *(None, True, [], {}, "", {"login": ""}, {"other": "ann"}, {"login": {}}, {"login": True}),
        # Free text, and what may be the request's own number.
        *("ann", 7, {"result": "ann"}, {"id": 7}, {"user": {"id": 7}}, {"result": {"id": "ann"}}),
        {"login": f"with {REMOVED}"},
        {"login": f"known by {SECRET[6:12]}"},
    ],
)
def test_what_names_nobody_is_no_identity(answer: Any) -> None:
    assert identity_in(said(answer), SECRET) is None
    assert identity_in(said(None, answer if isinstance(answer, str) else json.dumps(answer)), SECRET) is None


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ({"result": {"login": "ann"}}, "ann"),
        ({"name": "Ann", "login": "ann"}, "ann"),
        ({"user": {"id": 7, "name": "Ann"}}, "Ann"),
        ({"account": 7}, "7"),
    ],
)
def test_what_stands_under_a_name_of_names_is_an_identity(answer: Any, name: str) -> None:
    assert identity_in(said(answer), SECRET) == name
