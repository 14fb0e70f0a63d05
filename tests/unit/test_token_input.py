"""Token input: what is unwrapped, what is refused, and that no refusal echoes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.services.token_input import hint_of, read_token

TOKEN = "ghp_0123456789abcdefXYZ"
ADDRESS = "https://mcp.example.com/mcp"


def read(text: str, header_name: str = "Authorization", value_format: str = "Bearer {token}") -> tuple:
    found = read_token(text, header_name=header_name, value_format=value_format, address=ADDRESS)
    return found.value, found.changed


@pytest.mark.parametrize(
    ("pasted", "changed"),
    [
        (TOKEN, ()),
        (f"  {TOKEN}\r\n", ()),
        (f"\ufeff {TOKEN}\u00a0\ufeff", ()),
        (f"Bearer {TOKEN}", ("scheme",)),
        (f"bearer  BEARER\t{TOKEN}", ("scheme",)),
        (f"Authorization: Bearer {TOKEN}", ("header", "scheme")),
        (f"authorization:{TOKEN}", ("header",)),
        (f'"Authorization": "Bearer {TOKEN}"', ("json", "scheme")),
        (f'{{"Authorization": "Bearer {TOKEN}"}}', ("json", "scheme")),
        (f'"authorization": "{TOKEN}",', ("json",)),
        (f"GITHUB_TOKEN={TOKEN}", ("name",)),
        (f'export GITHUB_TOKEN="{TOKEN}"', ("name",)),
        (f"APIKEY='{TOKEN}'", ("name",)),
        (f"my_secret={TOKEN}", ("name",)),
        (f"API_KEY=Bearer {TOKEN}", ("name", "scheme")),
        (f"Accept: application/json\nAuthorization: Bearer {TOKEN}\n", ("header", "scheme")),
        (f'{{"headers": {{"Accept": "*/*", "Authorization": "Bearer {TOKEN}"}}}}', ("json", "scheme")),
        (f'"headers": {{"Authorization": "Bearer {TOKEN}"}},', ("json", "scheme")),
        (f'{{"mcpServers": {{"git": {{"env": {{"GITHUB_TOKEN": "{TOKEN}"}}}}}}}}', ("json",)),
        (
            f'{{"command": "npx", "args": ["mcp-remote", "{ADDRESS}",'
            f' "--header", "Authorization: Bearer {TOKEN}"]}}',
            ("json", "scheme"),
        ),
        (
            '{"mcpServers": {"other": {"url": "https://x.example/mcp", "headers": {"Authorization": "no"}},'
            f' "mine": {{"url": "{ADDRESS}", "headers": {{"Authorization": "{TOKEN}"}}}}}}}}',
            ("json",),
        ),
    ],
)
def test_wrappings_are_taken_off_and_named(pasted: str, changed: tuple[str, ...]) -> None:
    assert read(pasted) == (TOKEN, changed)


@pytest.mark.parametrize(
    "token",
    [
        "dGhpcyBpcyBhIHRva2Vu==",
        "QUJDREVGR0hJSktMTU5PUEtFWQ=",
        "ABCDEFGHKEY=",
        "ABCDEFGHTOKEN==",
        "abc=def=ghi=jkl",
        "id:secret-part-of-it",
        "user@tenant.example",
        "xxxxxxxy",
        "!@#$%^&*()",
        "{braces}-in-it",
        '["not", "a", "token"]'.replace(" ", ""),
        "my-secret-token",
    ],
)
def test_a_token_that_only_looks_wrapped_stays_as_it_is(token: str) -> None:
    assert read(token) == (token, ())


@pytest.mark.parametrize(
    ("pasted", "reason"),
    [
        ("", "empty"),
        (" \t\r\n\ufeff", "empty"),
        ("Bearer", "empty"),
        ("bearer bearer ", "empty"),
        ("Authorization: Bearer ", "empty"),
        ("GITHUB_TOKEN=", "empty"),
        ("********", "mask"),
        ("••••••••••••", "mask"),
        ("xxxxxxxxxxxx", "mask"),
        ("XXXXXXXX", "mask"),
        ("...a1b2", "mask"),
        ("…a1b2", "mask"),
        ("Bearer ********", "mask"),
        ("${GITHUB_TOKEN}", "placeholder"),
        ("Bearer ${input:token}", "placeholder"),
        ("short12", "too_short"),
        ("<your-token>", "placeholder"),
        ("{github_token}", "placeholder"),
        ("YOUR_GITHUB_TOKEN", "placeholder"),
        ("your-api-key-here", "placeholder"),
        ("$GITHUB_TOKEN", "placeholder"),
        ("%GITHUB_TOKEN%", "placeholder"),
        ('{"headers": {"Authorization": "Bearer ${input:token}"}}', "placeholder"),
        ('{"a": {"API_KEY": "first-token"}, "b": {"API_KEY": "second-token"}}', "several"),
        ("two words", "space"),
        ("two\twords", "space"),
        ("line\nbreak-in-it", "line_break"),
        ("line\r\nbreak in-it", "line_break"),
        ("nul\x00-in-it", "characters"),
        ("한국어토큰입니다아", "characters"),
        ("tokeñ-with-accent", "characters"),
        ("\ud800abcdefgh", "characters"),
    ],
)
def test_what_cannot_be_a_token_is_refused_with_the_reason(pasted: str, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(pasted)

    assert (caught.value.field, caught.value.reason) == ("token", reason)
    assert caught.value.__context__ is None


def test_a_scheme_is_taken_off_only_where_the_format_adds_it() -> None:
    with pytest.raises(InvalidInputError, match="space"):
        read(f"Bearer {TOKEN}", "X-API-Key", "{token}")

    assert read(f"App {TOKEN}", value_format="App {token}") == (TOKEN, ("scheme",))
    assert read(f"X-API-Key: {TOKEN}", "X-API-Key", "{token}") == (TOKEN, ("header",))


@pytest.mark.parametrize("length", [4097, 8193, 1_000_000])
def test_a_token_longer_than_any_is_refused(length: int) -> None:
    with pytest.raises(InvalidInputError, match="too_long"):
        read("a" * length)


@pytest.mark.parametrize("length", [8, 4096])
def test_the_shortest_and_the_longest_token_are_taken(length: int) -> None:
    assert read("z" * (length - 1) + "1")[0] == "z" * (length - 1) + "1"


def test_a_hint_is_four_characters_of_a_token_long_enough() -> None:
    assert hint_of("0123456789abcdef") == "...cdef"
    assert hint_of("0123456789abcde") is None


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_one_of_the_refusals(text: str) -> None:
    try:
        value, _ = read(text)
    except InvalidInputError as error:
        assert error.field == "token"
        assert str(error) == f"token: {error.reason}"
    else:
        assert value in text
        assert all("!" <= character <= "~" for character in value)
