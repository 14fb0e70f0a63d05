"""Redaction: the token is taken out in every spelling, and nothing else is."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mcp.redaction import CUT, REMOVED, Redactor

SECRET = 'tok+en/with&odd<"chars>-0123456789'
REDACTOR = Redactor(SECRET)


@pytest.mark.parametrize("before", ["", "a", "ab", "Bearer ", "user:", "Authorization: "])
@pytest.mark.parametrize("after", ["", "x", "xy", "\n"])
def test_base64_of_the_token_in_any_neighbourhood_is_cut_out(before: str, after: str) -> None:
    raw = f"{before}{SECRET}{after}".encode()

    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        left = REDACTOR.text(encode(raw).decode())
        assert REMOVED in left
        # What stays are the neighbours and at most three letters at each seam.
        assert len(left) - len(REMOVED) <= (len(before) + len(after) + 4) * 4 // 3 + 4


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        SECRET.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    ],
)
def test_other_spellings_are_cut_out(spelling: str) -> None:
    assert REDACTOR.text(f"[{spelling}]") == f"[{REMOVED}]"


def test_names_and_values_at_every_level_are_cleaned() -> None:
    cleaned = REDACTOR.json({SECRET: [{"a": (SECRET, 1, None, True)}]})

    assert cleaned == {REMOVED: [{"a": [REMOVED, 1, None, True]}]}


def test_nesting_has_an_end() -> None:
    nested: object = "deep"
    for _ in range(500):
        nested = [nested]

    assert CUT in json.dumps(Redactor(None).json(nested))


@given(st.text())
def test_without_a_token_text_stays_as_it_is(text: str) -> None:
    assert Redactor(None).text(text) == text


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz "))
def test_text_that_does_not_hold_the_token_stays_as_it_is(text: str) -> None:
    assert REDACTOR.text(text) == text
