"""Parsers of what servers send: schemas that become forms, tokens that come back, texts that deceive."""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from hypothesis import assume, given
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.mcp.redaction import ESCAPE, REMOVED, Redactor
from app.web.foreign import cut, visible
from app.web.tool_form import MAX_FIELDS, arguments_of, fields_of
from tests.fuzz.examples import MANY, SECRET, is_silent

LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
#: Keywords of one property → values that fit them.
TYPED: dict[str, tuple[dict[str, Any], st.SearchStrategy[Any]]] = {
    "text": ({"type": "string"}, LINES),
    "integer": ({"type": "integer"}, st.integers()),
    "number": ({"type": ["number", "null"]}, st.floats(allow_nan=False, allow_infinity=False)),
    "flag": ({"type": "boolean"}, st.booleans()),
    "choice": ({"enum": ["a", 1, 2.5, True, None]}, st.sampled_from(["a", 1, 2.5, True, None])),
    "list": ({"type": "array"}, st.lists(st.integers() | LINES, max_size=3)),
    "object": ({"anyOf": [{"type": "object"}, {"type": "null"}]}, st.dictionaries(LINES, LINES, max_size=2)),
}


@MANY
@given(given_values=st.fixed_dictionaries({}, optional={name: values for name, (_, values) in TYPED.items()}))
def test_what_is_typed_for_a_value_is_that_value(given_values: dict[str, Any]) -> None:
    schema = {"properties": {name: keywords for name, (keywords, _) in TYPED.items()}}
    typed = {
        f"arg-{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in given_values.items()
    }

    found = arguments_of(schema, typed)

    assert found == given_values
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in given_values.items()
    }


SCHEMAS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "enum", "const", "oneOf", "$ref", "default", "properties", "required"]),
            inner | st.sampled_from(["object", "string", "integer", "number", "#/$defs/a"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@MANY
@given(properties=st.dictionaries(st.text(max_size=4), SCHEMAS, max_size=4), typed=st.text(max_size=20))
def test_no_typed_text_is_repeated_by_a_refusal(properties: dict[str, Any], typed: str) -> None:
    schema = {"properties": properties, "$defs": {"a": {"type": "integer"}}}
    fields = fields_of(schema)
    assert len(fields) <= MAX_FIELDS

    try:
        found = arguments_of(schema, {field.form_name: f"{SECRET}{typed}" for field in fields})
    except InvalidInputError as error:
        assert str(error) == f"{error.field}: {error.reason}"
        assert is_silent(error)
    else:
        json.dumps(found, allow_nan=False).encode()


@MANY
@given(text=st.text('{["\\u0e+-.,:]}naNItf ', max_size=30))
def test_arguments_that_are_no_json_are_refused_in_silence(text: str) -> None:
    try:
        found = arguments_of({}, {"arguments": f"{text}{SECRET}"})
    except InvalidInputError as error:
        assert (error.field, error.reason) == ("arguments", "arguments_json")
        assert is_silent(error)
    else:
        assert isinstance(found, dict)


#: Tokens as they are sealed: visible ASCII, not part of the note that replaces them.
TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=40).filter(
    lambda token: token not in REMOVED
)


def decoded(text: str) -> Iterator[bytes]:
    """Yield what whoever finds base64 in a text can make of it, from each place where it may begin."""
    for run in re.findall(r"[A-Za-z0-9+/_-]{8,}", text):
        plain = run.replace("-", "+").replace("_", "/")
        for start in range(4):
            letters = plain[start : start + (len(plain) - start) // 4 * 4]
            yield base64.b64decode(letters)


@MANY
@given(token=TOKENS, before=st.binary(max_size=9), after=st.binary(max_size=9), safe=st.booleans())
def test_no_base64_that_is_left_holds_a_token(token: str, before: bytes, after: bytes, safe: bool) -> None:
    encode = base64.urlsafe_b64encode if safe else base64.b64encode
    text = encode(before + token.encode() + after).decode()

    left = Redactor(token).text(f"see {text}.")

    assert not any(token.encode() in one for one in decoded(left))
    assert left.startswith("see ") and left.endswith(".")


WITHOUT_ESCAPES = TOKENS.filter(lambda token: not ESCAPE.search(token))
#: Texts in which no made-up token can stand already.
NEIGHBOURS = st.text("ä漢 \n", max_size=8)
#: How URLs, JSON, source code and HTML write a character. Not as itself what would begin an escape there.
WAYS = ("%{:02x}", "%{:02X}", "\\u{:04x}", "\\x{:02x}", "&#{};", "&#x{:x};")


@MANY
@given(token=WITHOUT_ESCAPES, before=NEIGHBOURS, after=NEIGHBOURS, data=st.data())
def test_no_spelling_of_a_token_is_left(token: str, before: str, after: str, data: Any) -> None:
    drawn = [
        data.draw(st.sampled_from(WAYS)) if character in "\\%&" or data.draw(st.booleans()) else ""
        for character in token
    ]
    mixed = "".join(
        way.format(ord(character)) or character for way, character in zip(drawn, token, strict=True)
    )
    escaped = json.dumps(token)[1:-1]
    spellings = (token, quote(token, safe=""), escaped, html.escape(token), token.encode().hex(), token[::-1])

    for spelling in (*spellings, mixed):
        left = Redactor(token).text(f"{before} {spelling} {after}")
        assert left.startswith(f"{before} ") and left.endswith(f" {after}")
        middle = left[len(before) : len(left) - len(after)]
        assert REMOVED in middle
        assert spelling not in middle and token not in middle


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("@token@"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.just("a@token@"), inner)
    ),
    max_leaves=12,
)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for name, item in value.items() if isinstance(value, dict) else ():
        yield from (name, *texts_in(item))
    for item in value if isinstance(value, list) else ():
        yield from texts_in(item)


def filled(value: Any, token: str) -> Any:
    if isinstance(value, dict):
        return {name.replace("@token@", token): filled(item, token) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, token) for item in value]
    return value.replace("@token@", token) if isinstance(value, str) else value


@MANY
@given(token=TOKENS, value=VALUES)
def test_no_name_and_no_value_of_json_holds_a_token(token: str, value: Any) -> None:
    cleaned = Redactor(token).json(filled(value, token))

    assert [text for text in texts_in(cleaned) if token in text] == []
    # It can be passed on, and cleaning it once more changes nothing.
    json.dumps(cleaned, allow_nan=False)
    assert Redactor(token).json(cleaned) == cleaned


DECEIVING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@MANY
@given(
    text=st.text(max_size=40) | st.text("a\u202e\u2066\u200f\x1b\x9b\r\n\t\ud800\U000e0041", max_size=20),
    limit=st.integers(1, 30),
)
def test_no_foreign_text_reorders_obeys_or_breaks(text: str, limit: int) -> None:
    for shown in (visible(text), cut(text, limit)):
        assert not {unicodedata.bidirectional(character) for character in shown} & DECEIVING
        controls = [
            character for character in shown if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        ]
        assert set(controls) <= {"\t", "\n"}
        shown.encode()
        assert visible(shown) == shown
    assume(text.isprintable() and text.isascii())
    assert visible(text) == text
    assert len(cut(text, limit)) <= limit
