"""Redaction: the token is taken out in every spelling, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mcp.redaction import CUT, LEFT_OFF, MAX_VALUES, REMOVED, Redactor

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
        html.escape(SECRET),
        SECRET.replace("/", "\\/"),
        json.dumps(json.dumps(SECRET)[1:-1])[1:-1],
        quote(quote(SECRET, safe=""), safe=""),
        "".join(f"%{ord(character):02x}" for character in SECRET),
        "".join(f"\\u{ord(character):04X}" for character in SECRET),
        "".join(f"\\x{ord(character):02x}" for character in SECRET),
        "".join(f"&#{ord(character)};" for character in SECRET),
        "".join(f"&#x{ord(character):x};" for character in SECRET),
        "".join(f"%{ord(character):02X}" if at % 2 else character for at, character in enumerate(SECRET)),
    ],
)
def test_other_spellings_are_cut_out(spelling: str) -> None:
    assert REDACTOR.text(f"[{spelling}]") == f"[{REMOVED}]"


def test_base64_inside_a_link_is_cut_out() -> None:
    encoded = base64.b64encode(b"me:" + SECRET.encode()).decode()

    assert quote(encoded, safe="") != encoded
    assert REMOVED in REDACTOR.text(f"https://a.example/?basic={quote(encoded, safe='')}")


@given(st.text(alphabet="ab%&\\\\/u0123x;#41"))
def test_what_looks_escaped_and_holds_no_token_stays_as_it_is(text: str) -> None:
    assert REDACTOR.text(text) == text


@given(st.text(), st.text())
def test_the_neighbours_of_a_token_stay(before: str, after: str) -> None:
    assert REDACTOR.text(f"{before} {SECRET} {after}") == f"{before} {REMOVED} {after}"


@pytest.mark.parametrize("piece", ["%41", "\\\\", "&amp;", "%2525", SECRET[:-1], SECRET, "t"])
def test_a_large_text_takes_no_more_than_its_share_of_time(piece: str) -> None:
    started = time.process_time()

    REDACTOR.text(piece * (400_000 // len(piece)))

    assert time.process_time() - started < 2


def test_values_without_number_are_cut_to_a_number() -> None:
    cleaned = REDACTOR.json({"wide": [[] for _ in range(MAX_VALUES * 2)], "after": 1})

    assert len(cleaned["wide"]) <= MAX_VALUES
    assert cleaned["wide"][-1] == LEFT_OFF
    assert "after" not in cleaned


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
