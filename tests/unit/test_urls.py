"""URLs: where a form may lead back to, and what counts as an id."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule
from werkzeug.routing.exceptions import RequestRedirect

from app.web.urls import IdConverter, own_path


@pytest.mark.parametrize("path", ["/", "/settings/tokens", "/settings/tokens?q=a%20b&status=none", "/p/1#x"])
def test_a_path_of_ours_is_followed(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "settings",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        " /settings",
        "/\t/evil.example",
        "/settings\r\nSet-Cookie: a=b",
        "/settings\\..\\x",
        "/\x00",
    ],
)
def test_anything_else_is_not(path: str | None) -> None:
    assert own_path(path) is None


@pytest.mark.parametrize(
    "text",
    ["0x1", "-1", "+1", "1.0", "１", "٣", "2147483648", "9223372036854775808", "99999999999", "1e3", ""],
)
def test_what_is_not_an_id_matches_no_page(text: str) -> None:
    urls = Map([Rule("/<int:server_id>", endpoint="page")], converters={"int": IdConverter}).bind("host")

    with pytest.raises((NotFound, RequestRedirect)):
        urls.match(f"/{text}")


@pytest.mark.parametrize(
    "number", [0, 1, 999_999_999, 1_999_999_999, 2_099_999_999, 2_147_483_640, 2_147_483_647]
)
def test_ids_up_to_the_largest_match(number: int) -> None:
    urls = Map([Rule("/<int:server_id>", endpoint="page")], converters={"int": IdConverter}).bind("host")

    assert urls.match(f"/{number}") == ("page", {"server_id": number})
