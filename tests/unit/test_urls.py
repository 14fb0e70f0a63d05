"""URLs: where a form may lead back to, and what counts as an id."""

from __future__ import annotations

import pytest
from werkzeug.routing import Map, Rule
from werkzeug.routing.exceptions import RequestRedirect
from werkzeug.exceptions import NotFound

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
    "text", ["0x1", "-1", "+1", "1.0", "１", "٣", "2147483648", "9223372036854775808", "99999999999", "1e3", ""]
)
def test_what_is_not_an_id_matches_no_page(text: str) -> None:
    urls = Map([Rule("/<int:server_id>", endpoint="page")], converters={"int": IdConverter}).bind("host")

    with pytest.raises((NotFound, RequestRedirect)):
        urls.match(f"/{text}")


def test_the_largest_id_matches() -> None:
    urls = Map([Rule("/<int:server_id>", endpoint="page")], converters={"int": IdConverter}).bind("host")

    assert urls.match("/2147483647") == ("page", {"server_id": 2147483647})
