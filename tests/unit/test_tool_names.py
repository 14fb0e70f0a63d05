"""Tool names: what may stand in the ledger, which nobody can clean."""

from __future__ import annotations

import base64

import pytest

from app.services.tool_names import MAX_RECORDED_CHARS, recorded_name

SECRET = "Zk3v9Qm7Lw2Xr8Ty5a1b2"


@pytest.mark.parametrize("name", ["add", "model_search", "도구", "a b", "x" * MAX_RECORDED_CHARS])
def test_a_name_that_the_server_gave_is_kept(name: str) -> None:
    assert recorded_name(name, SECRET, is_the_servers=True) == name
    assert recorded_name(name, None, is_the_servers=True) == name


def test_a_name_that_only_the_caller_knows_is_not() -> None:
    assert recorded_name("my-password", SECRET, is_the_servers=False) is None


@pytest.mark.parametrize(
    "name",
    ["", "x" * (MAX_RECORDED_CHARS + 1), "a\nb", "a\x00", "a\u202eb", "\ud800", "\u2028"],
)
def test_what_is_no_printable_line_of_its_length_is_not(name: str) -> None:
    assert recorded_name(name, None, is_the_servers=True) is None


@pytest.mark.parametrize(
    "name",
    [
        SECRET,
        f"tool_{SECRET}_x",
        SECRET[::-1],
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        f"tool_{SECRET[3:8]}",
        f"TOOL_{SECRET[-5:].upper()}",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    ],
)
def test_neither_a_token_nor_a_piece_of_the_one_that_was_sent_is(name: str) -> None:
    assert recorded_name(name, SECRET, is_the_servers=True) is None
