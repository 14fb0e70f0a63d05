"""Parsers of what people send: pasted tokens, JSON, e-mail addresses, and the page to go on to."""

from __future__ import annotations

import json
import unicodedata
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.services.emails import MAX_EMAIL_CHARS, normalise_email
from app.services.token_input import SCHEMES, VISIBLE_ASCII, read_token
from app.web.api.strict_json import MalformedJsonError, read
from app.web.urls import own_path
from tests.fuzz.examples import MANY, SECRET, is_silent

#: Tokens as services give them out: no wrapping could be part of one.
TOKENS = st.from_regex(r"[A-Za-z0-9._~+/-]{8,60}", fullmatch=True).filter(
    lambda text: set(text.lower()) - set("x.") != set()
)
BLANKS = st.text(" \t\r\n\u00a0\u3000", max_size=3)
HEADERS = st.sampled_from(["Authorization", "X-API-Key", "PRIVATE-TOKEN"])


def read_as(text: str, header: str = "Authorization", value_format: str = "Bearer {token}") -> str:
    return read_token(text, header_name=header, value_format=value_format).value


@MANY
@given(token=TOKENS, header=HEADERS, scheme=st.sampled_from(SCHEMES), times=st.integers(0, 3), data=st.data())
def test_however_a_token_is_wrapped_it_is_the_token(
    token: str, header: str, scheme: str, times: int, data: Any
) -> None:
    schemes = "".join(
        data.draw(st.sampled_from([scheme, scheme.upper(), scheme.title()])) + " " for _ in range(times)
    )
    name = data.draw(st.sampled_from([header, header.lower(), "authorization"]))
    wrapped = data.draw(
        st.sampled_from(
            [
                f"{schemes}{token}",
                f"{name}: {schemes}{token}",
                f"{name}:{schemes}{token}",
                f'"{name}" : "{schemes}{token}",',
                f'{{ "{name}":"{schemes}{token}" }}',
                f"MY_API_KEY={schemes}{token}",
                f"export my_secret='{schemes}{token}'",
            ]
        )
    )
    text = f"{data.draw(BLANKS)}\ufeff{data.draw(BLANKS)}{wrapped}{data.draw(BLANKS)}"

    assert read_as(text, header, f"{scheme} {{token}}") == token


@MANY
@given(text=st.text(max_size=60), header=st.text(max_size=20), value_format=st.text(max_size=20))
def test_whatever_is_pasted_what_is_sealed_can_be_sent(text: str, header: str, value_format: str) -> None:
    for pasted in (text, f"{SECRET} {text}", f'"{header}": "{text}{SECRET}"', f"A_TOKEN={text}{SECRET}"):
        try:
            value = read_as(pasted, header, value_format)
        except InvalidInputError as error:
            assert is_silent(error)
        else:
            assert VISIBLE_ASCII.fullmatch(value) and value in pasted


@MANY
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
    at=st.integers(0, 200),
    put=st.text('{}[]",:\\0e-+.\x00\ud800\ufeff ', max_size=2),
    length=st.integers(0, 2),
)
def test_damaged_json_is_refused_or_means_what_it_says(value: Any, at: int, put: str, length: int) -> None:
    whole = json.dumps({SECRET: value})
    damaged = whole[: at % len(whole)] + put + whole[at % len(whole) + length :]

    for text in (damaged, damaged.encode("utf-8", "surrogatepass")):
        try:
            found = read(text)
        except MalformedJsonError as error:
            assert is_silent(error)
        else:
            # Another reader finds the same, so no two layers see two different requests.
            assert found == json.loads(damaged)
            assert read(json.dumps(found, ensure_ascii=False).encode()) == found


LOCAL_PARTS = st.text("aAzZ0.+-_'", min_size=1, max_size=8) | st.text(
    'aA0."\\ é\u0430\u202e\uff21\u00df\u0130@', max_size=8
)
DOMAINS = st.sampled_from(
    [
        *(
            "example.com",
            "EXAMPLE.com",
            "mail",
            "bücher.example",
            "xn--bcher-kva.example",
            "한국.kr",
            "b。example",
        ),
        *(
            "faß.example",
            "a_b.example",
            "localhost",
            "[127.0.0.1]",
            "1.2.3.4",
            "a\u200db.example",
            "\uff41.example",
        ),
    ]
) | st.text("abX0.-é\u00df\u200d\u3002\uff0e@[]:\u0130", max_size=16)


@MANY
@given(text=st.builds("{}@{}".format, LOCAL_PARTS, DOMAINS) | st.text(max_size=30))
def test_an_address_has_one_normal_form_and_it_is_its_own(text: str) -> None:
    try:
        address = normalise_email(text)
    except InvalidInputError as error:
        assert (error.field, error.reason) == ("email", "email_invalid")
        return
    assert normalise_email(address) == address
    assert address.isascii() and address.isprintable() and " " not in address
    assert address.count("@") == 1 and len(address) <= MAX_EMAIL_CHARS
    # Other ways to write it are the same account.
    for spelling in (unicodedata.normalize("NFKC", text), f" {text}\n", address.upper()):
        assert normalise_email(spelling) == address


@MANY
@given(text=st.text(max_size=20))
def test_a_refused_address_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        normalise_email(f"{SECRET}@@{text}")

    assert str(caught.value) == "email: email_invalid"


def as_browsers_read(url: str) -> str:
    """Return a URL as the URL standard reads it: tab and line break fall out, a backslash is a slash."""
    kept = "".join(character for character in url if character not in "\t\r\n").strip("\x00\x1f ")
    return kept.replace("\\", "/")


#: Half of them are followed, so that both answers are looked at.
PATHS = st.text("/:@.?#%;&evil\u3002\uff0f\u2215\x85", max_size=12) | st.text(
    "/\\\t\n\r\x00\x0b @evil", max_size=8
)


@MANY
@given(PATHS.map("/".__add__))
def test_a_path_that_is_followed_leads_nowhere_else(path: str) -> None:
    found = own_path(path)
    if found is None:
        return
    assert found == path
    for read_path in (found, as_browsers_read(found)):
        for page in ("https://ours.example/login", "https://ours.example/a/b/?c=d"):
            there = urlsplit(urljoin(page, read_path))
            assert (there.scheme, there.netloc) == ("https", "ours.example")
    # It is put into a header.
    assert not {"\r", "\n", "\x00"} & set(found)
