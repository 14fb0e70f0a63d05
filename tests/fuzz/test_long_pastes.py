"""Long pastes: the longest that is looked at costs no more than any other of its length."""

from __future__ import annotations

import time

import pytest

from app.errors import InvalidInputError
from app.mcp.foreign_tokens import foreign_service
from app.services.token_input import MAX_PASTE_CHARS, MAX_TOKEN_CHARS, read_token

#: What takes longest when a pattern tries every way to share out the blanks.
BLANKS = " " * (MAX_PASTE_CHARS - 30)


@pytest.mark.parametrize(
    "paste",
    [
        f'"Authorization":"x"{BLANKS}y',
        f'{{{BLANKS}"Authorization":"x"y',
        f"Authorization:{BLANKS}\ny",
        f"export{BLANKS}A_KEY",
        "${" * (MAX_PASTE_CHARS // 2),
        "A_" * (MAX_PASTE_CHARS // 2),
        "Bearer " * (MAX_PASTE_CHARS // 7),
        "Bearer:" * (MAX_PASTE_CHARS // 7),
        f"Bearer{BLANKS}\ny",
        f"api_key:{BLANKS}\ny",
        f"api_key{BLANKS}=\ny",
        f"api_key={BLANKS}\ny",
        "a_key=" * (MAX_PASTE_CHARS // 6),
        "a.-_" * (MAX_PASTE_CHARS // 4),
        '"' * MAX_PASTE_CHARS,
        '"' + ",;" * (MAX_PASTE_CHARS // 2 - 1),
        "`a" * (MAX_PASTE_CHARS // 2),
        "a:\n" * (MAX_PASTE_CHARS // 3),
        f'["a_key:{BLANKS[:-20]}\\n"]',
        f'["--a-key={BLANKS[:-20]}\\n"]',
        '["' + "--a-" * (MAX_PASTE_CHARS // 4 - 2) + '"]',
        '{"url":"https://' + "a." * (MAX_PASTE_CHARS // 2 - 20) + '","key":"x"}',
    ],
    ids=[
        *("pair", "brace", "header", "export", "placeholders", "name", "schemes", "scheme names", "scheme"),
        *("setting", "blanks before", "blanks behind", "names", "joints", "quotes", "commas", "backticks"),
        *("lines", "header argument", "named argument", "flags", "address"),
    ],
)
def test_no_paste_takes_longer_than_its_length(paste: str) -> None:
    started = time.process_time()

    for _ in range(3):
        with pytest.raises(InvalidInputError):
            read_token(paste, header_name="Authorization", value_format="Bearer {token}")

    # A request is over in a tenth of that; what grows with the square takes a second and more.
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "piece", ["-", "=hf_", "ghp_", ".SG.aaaaaaaa", "=AKIA", "a%20", "//EAAA", "=hf_" + "a" * 900]
)
def test_no_token_takes_longer_to_be_looked_at_than_its_length(piece: str) -> None:
    token = (piece * MAX_TOKEN_CHARS)[:MAX_TOKEN_CHARS]
    started = time.process_time()

    for _ in range(10):
        foreign_service(token, "https://mcp.example.com/mcp")

    assert time.process_time() - started < 0.5
