"""Addresses: which URLs may stand in the catalogue."""

from __future__ import annotations

import pytest

from app.errors import InvalidInputError
from app.mcp.addresses import ascii_address, read_address, read_link
from app.mcp.egress import Egress

PRODUCTION = Egress(
    allow=frozenset({"mcp.internal:8001", "[::1]:8001", "plain.internal:80"}), plain_http=False
)
DEVELOPMENT = Egress(allow=frozenset(), plain_http=True)


def reason_of(url: str, egress: Egress = PRODUCTION) -> str:
    with pytest.raises(InvalidInputError) as caught:
        read_address(url, egress)
    assert caught.value.field == "url"
    return caught.value.reason


@pytest.mark.parametrize(
    "url",
    [
        "https://mcp.example.com",
        "https://mcp.example.com/",
        "https://mcp.example.com:8443/a/b?c=d&e=%20",
        "https://server.example.ai/@someone/tool/mcp",
        "https://10.0.0.7/mcp",
        "https://[2001:db8::1]:8443/mcp",
        "https://mcp_server:8000/mcp",
        "https://myPlatform.example.com/mcp",
    ],
)
def test_an_https_address_is_kept_as_written(url: str) -> None:
    assert read_address(url, PRODUCTION) == url


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("  https://mcp.example.com/mcp\n", "https://mcp.example.com/mcp"),
        ("HTTPS://mcp.example.com/mcp", "https://mcp.example.com/mcp"),
        ("https://bücher.example/mcp", "https://xn--bcher-kva.example/mcp"),
        ("https://한국.kr:8443/mcp", "https://xn--3e0b707e.kr:8443/mcp"),
        # Looks like a name, is an address of this machine: shown as what it is.
        ("https://①②⑦.⓪.⓪.①/mcp", "https://127.0.0.1/mcp"),
    ],
)
def test_scheme_and_host_are_written_in_one_way(url: str, kept: str) -> None:
    assert read_address(url, PRODUCTION) == kept


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("https://mcp.example.com/" + "a" * 2048, "too_long"),
        ("https://{tenant}.example.com/mcp", "template"),
        ("https://mcp.example.com/<key>/mcp", "template"),
        ("https://mcp.example.com/a b", "characters"),
        ("https://mcp.example.com/a\tb", "characters"),
        ("https://mcp.example.com/\x00", "characters"),
        ("https://mcp.example.com/a\r\nHost: b", "characters"),
        ("https://mcp.example.com/\u202egnp", "characters"),
        ("https://mcp.example.com/길", "characters"),
        ("http://good\\@bad.example/", "characters"),
        ("https:\\\\mcp.example.com", "characters"),
        ("ftp://mcp.example.com", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("mcp.example.com", "scheme"),
        ("//mcp.example.com/mcp", "scheme"),
        ("https://someone@mcp.example.com/", "userinfo"),
        ("https://someone:secret@mcp.example.com/", "userinfo"),
        ("https://mcp.example.com/#top", "fragment"),
        ("https://mcp.example.com/#", "fragment"),
        ("https:///mcp", "host"),
        ("https:mcp.example.com", "host"),
        ("https://.example.com/", "host"),
        ("https://mcp..example.com/", "host"),
        ("https://mcp.example.com./", "host"),
        ("https://-mcp.example.com/", "host"),
        ("https://" + "a" * 64 + ".example.com/", "host"),
        ("https://127.1/", "host"),
        ("https://2130706433/", "host"),
        ("https://0x7f.1/", "host"),
        ("https://127.0.0.01/", "host"),
        ("https://[::1/", "host"),
        ("https://[::1]x/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://[v1.x]/", "host"),
        ("https://a:b:443/", "host"),
        ("https://mcp.example.com:0/", "port"),
        ("https://mcp.example.com:65536/", "port"),
        ("https://mcp.example.com:/", "port"),
        ("https://mcp.example.com:abc/", "port"),
        ("https://mcp.example.com:-1/", "port"),
        ("https://mcp.example.com:٨٠/", "port"),
        ("http://mcp.example.com/", "plain_http"),
        ("http://mcp.internal:8002/", "plain_http"),
        ("http://mcp.internal/", "plain_http"),
    ],
)
def test_an_address_that_cannot_be_trusted_is_refused_with_the_reason(url: str, reason: str) -> None:
    assert reason_of(url) == reason


@pytest.mark.parametrize(
    "url", ["http://mcp.internal:8001/mcp", "http://[::1]:8001/mcp", "http://plain.internal/mcp"]
)
def test_plain_http_passes_in_production_for_an_allowed_host_and_port(url: str) -> None:
    assert read_address(url, PRODUCTION) == url


def test_plain_http_passes_in_development() -> None:
    assert read_address("http://127.0.0.1:8001/mcp", DEVELOPMENT) == "http://127.0.0.1:8001/mcp"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "https://a@b.example", "https://", "", "//b.example"]
)
def test_a_link_that_is_not_plainly_http_is_none(link: str) -> None:
    assert read_link(link) is None


def test_a_link_may_have_a_fragment() -> None:
    assert read_link("https://docs.example.com/keys#new") == "https://docs.example.com/keys#new"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://mcp.example.com/mcp", "https://mcp.example.com/mcp"),
        ("https://\u0430pple.example:8443/mcp", "https://xn--pple-43d.example:8443/mcp"),
        ("\u0430pple.example", "xn--pple-43d.example"),
        ("https://a.example/\u0430?\u202e", r"https://a.example/\u0430?\u202e"),
        ("https://\u202ea.example/", r"https://\u202ea.example/"),
        ("\ud800", r"\ud800"),
    ],
)
def test_an_address_is_shown_in_letters_that_nobody_mistakes(address: str, shown: str) -> None:
    assert ascii_address(address) == shown
