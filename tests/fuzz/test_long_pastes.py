"""Long pastes: the longest that is looked at costs no more than any other of its length."""

from __future__ import annotations

import time

import pytest

from app.errors import InvalidInputError
from app.services.token_input import MAX_PASTE_CHARS, read_token

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
    ],
    ids=["pair", "brace", "header", "export", "placeholders", "name", "schemes"],
)
def test_no_paste_takes_longer_than_its_length(paste: str) -> None:
    started = time.process_time()

    for _ in range(3):
        with pytest.raises(InvalidInputError):
            read_token(paste, header_name="Authorization", value_format="Bearer {token}")

    # A request is over in a tenth of that; what grows with the square takes a second and more.
    assert time.process_time() - started < 0.5
