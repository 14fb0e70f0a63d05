"""Parsers of where tokens go: addresses, catalogue entries, header names. Two readers never differ."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import h11
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInputError, UpstreamError
from app.mcp.addresses import read_address, read_link
from app.mcp.egress import Egress, is_public
from app.mcp.refusals import REFUSALS
from app.mcp.registry import read_catalogue
from app.mcp.token_headers import read_fixed_value, read_header_name, read_value_format
from tests.fuzz.examples import MANY, SECRET, is_silent

STRICT = Egress(frozenset({"mcp.internal:8001", "[::1]:9"}), plain_http=False)
OPEN = Egress(frozenset(), plain_http=True)


def mostly(good: list[str], bad: list[str]) -> st.SearchStrategy[str]:
    """Return texts of which three in four are good, so that whole addresses are taken often enough."""
    return st.one_of(*[st.sampled_from(good)] * 3, st.sampled_from(bad))


HOSTS = mostly(
    [
        "mcp.example.com",
        "MCP.Example.com",
        "mcp.internal",
        "127.0.0.1",
        "[::1]",
        "bücher.example",
        "faß.de",
        "a。b",
    ],
    [
        *(
            "127.1",
            "0x7f.1",
            "0",
            "[::ffff:127.0.0.1]",
            "[::1%25eth0]",
            "[::1",
            "①②⑦.⓪.⓪.①",
            "a..b",
            "a.b.",
            "",
        ),
        *(
            "xn--0",
            "xn--bcher-kva.example",
            "a_b",
            "-a",
            "good.example\\",
            "a%2eb",
            "a%00",
            ".",
            "localhost",
            "a\xad",
        ),
    ],
) | st.text("ab.-:[]@%_1\u3002\uff0e\u200d\u00ad\u2100/\\?#", max_size=10)
URLS = st.builds(
    "".join,
    st.tuples(
        mostly(
            ["https://", "http://"], ["HTTPS://", "https:/", "https:", "//", "", "ftp://", "https://https://"]
        ),
        mostly([""], [f"{SECRET}@", f"a:{SECRET}@", "a@b@", "@", "%40"]),
        HOSTS,
        mostly(["", ":443", ":8001"], [":0", ":", ":65536", ":0443", ":٨٠", ":-1", ":1e1", ":80:80"]),
        mostly(
            ["", "/", "/mcp", "/a@b", "?a=@b", "/%2f"],
            ["/\\x", "#f", "/../a", "//x", "/é", "\t", "/a b", "\\@b"],
        ),
    ),
)


def host_of(url: httpx2.URL) -> str:
    """Return the host that the client looks up, an IPv6 address without its brackets."""
    return url.raw_host.decode("ascii").strip("[]")


@MANY
@given(url=URLS, egress=st.sampled_from([STRICT, OPEN]))
def test_an_address_is_refused_in_silence_or_everybody_reads_it_alike(url: str, egress: Egress) -> None:
    try:
        address = read_address(url, egress)
    except InvalidInputError as error:
        assert (error.field, error.reason) in REFUSALS
        assert is_silent(error)
        return
    # It is written in one way: what is saved is read again as what was saved.
    assert read_address(address, egress) == address
    where, client = egress.destination(address), httpx2.URL(address)
    assert (where.scheme, where.host) == (client.scheme, host_of(client))
    assert where.port == (client.port or {"https": 443, "http": 80}[client.scheme])
    assert client.userinfo == b"" and where.host.isascii()


@MANY
@given(url=URLS | st.text(max_size=30))
def test_where_a_request_goes_is_where_the_client_sends_it(url: str) -> None:
    try:
        where = OPEN.destination(url)
    except UpstreamError as error:
        assert error.reason == "unreachable"
        assert is_silent(error)
        return
    try:
        client = httpx2.URL(url)
    except httpx2.InvalidURL:
        return
    assert (where.scheme, where.host) == (client.scheme, host_of(client))
    assert where.port == (client.port or {"https": 443, "http": 80}[client.scheme])


@MANY
@given(text=URLS | st.text("htps:/javcrdt@\t\n ", max_size=20))
def test_a_link_that_is_shown_leads_to_the_web(text: str) -> None:
    link = read_link(text)

    if link is not None:
        assert link.lower().startswith(("https://", "http://"))
        assert read_link(link) == link
        assert link.isascii() and link.isprintable()
        assert httpx2.URL(link).userinfo == b""


V4 = st.integers(0, 2**32 - 1).map(IPv4Address) | st.sampled_from(
    [IPv4Address(text) for text in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "100.64.0.1")]
)


@MANY
@given(address=V4)
def test_a_private_address_is_private_in_every_disguise(address: IPv4Address) -> None:
    number = int(address)
    disguises = {
        "mapped": f"::ffff:{address}",
        "compatible": f"::{address}",
        "translated": f"::ffff:0:{address}",
        "NAT64": f"64:ff9b::{address}",
        "6to4": str(IPv6Address((0x2002 << 112) | (number << 80) | 1)),
        "Teredo": str(IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))),
        "Teredo server": str(IPv6Address((0x20010000 << 96) | (number << 64))),
    }
    special = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast

    assert not (special and is_public(str(address)))
    assert is_public(disguises.pop("mapped")) == is_public(str(address))
    assert [name for name, text in disguises.items() if is_public(text)] == []


@MANY
@given(number=st.integers(0, 2**128 - 1) | st.integers(0x20 << 120, (0x40 << 120) - 1))
def test_an_address_is_the_same_however_it_is_spelled(number: int) -> None:
    address = IPv6Address(number)

    spellings = (address.compressed, address.exploded, address.exploded.upper())

    assert len({is_public(text) for text in spellings}) == 1


PLAIN = st.text(st.characters(categories=["L", "N"]), max_size=8)
HIDDEN_HEADERS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(
            ["Authorization", "X-API-Key", "X-Thing", "x-secret", "Api-Token", "X-Password"]
        )
    },
    optional={
        "value": st.sampled_from([SECRET, f"Bearer {SECRET}", "{key}", "Bearer {a} {b}"]),
        "default": st.just(SECRET),
        "variables": st.just({"key": {"isSecret": True, "value": SECRET, "default": SECRET}}),
        "description": PLAIN,
    },
).map(lambda header: header | {"isSecret": True})
ENTRIES = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[a-z.]{1,8}/[a-z-]{1,8}", fullmatch=True),
        "remotes": st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(["streamable-http", "sse", "stdio"]),
                    "url": URLS | st.just("https://{key}.example.com/"),
                    "headers": st.lists(HIDDEN_HEADERS, max_size=3),
                },
                optional={
                    "variables": st.just({"key": {"isSecret": True, "value": SECRET, "default": SECRET}})
                },
            ),
            max_size=4,
        ),
    },
    optional={"title": st.text(max_size=10), "description": st.text(max_size=10)},
)


@MANY
@given(entry=ENTRIES)
def test_a_secret_in_a_catalogue_is_neither_kept_nor_told(entry: dict[str, Any]) -> None:
    remotes = [remote for remote in entry["remotes"] if SECRET not in remote["url"]]

    catalogue = read_catalogue(json.dumps(entry | {"remotes": remotes}), STRICT)

    assert SECRET not in repr(catalogue)


@MANY
@given(entries=st.lists(ENTRIES, max_size=3, unique_by=lambda entry: entry["name"]))
def test_a_list_proposes_what_its_entries_propose(entries: list[dict[str, Any]]) -> None:
    listed = read_catalogue(json.dumps({"servers": entries}).encode(), STRICT)
    single = [read_catalogue(json.dumps({"server": entry}), STRICT) for entry in entries]

    assert listed.entries == tuple(found for one in single for found in one.entries)
    assert listed.skipped == tuple(skip for one in single for skip in one.skipped)
    assert [len(found.servers) for found in listed.entries] == [
        len({server.url for server in found.servers}) for found in listed.entries
    ]


HEADER_TEXTS = st.text("aZ09-_.!~'*+^`|$&%# :;,\"\\\t\r\n\x00\x7fé{}", max_size=12) | st.text(max_size=8)


@MANY
@given(
    name=HEADER_TEXTS | st.sampled_from(["Authorization", "X-Key", "Host", "cookie", "Mcp-Session-Id"]),
    value_format=st.builds(
        "{}{}{}".format, HEADER_TEXTS, st.sampled_from(["{token}", "", "{token}{token}"]), HEADER_TEXTS
    ),
    token=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=30),
)
def test_a_header_that_is_taken_can_be_sent_as_it_is(name: str, value_format: str, token: str) -> None:
    try:
        kept = read_header_name(name)
        form = read_value_format(value_format)
        fixed = read_fixed_value(value_format)
    except InvalidInputError as error:
        assert (error.field, error.reason) in REFUSALS
        return
    assert (read_header_name(kept), read_value_format(form), read_fixed_value(fixed)) == (kept, form, fixed)
    # Both layers of the client take both values, and change nothing of them.
    for value in (form.replace("{token}", token), fixed):
        sent = httpx2.Request("POST", "https://a.example/", headers={kept: value}).headers
        assert sent[kept] == value
        written = h11.Request(method="POST", target="/", headers=[("Host", "a.example"), (kept, value)])
        assert (kept.lower().encode(), value.encode()) in list(written.headers)


@pytest.mark.parametrize("text", ["", " ", "\r\n", "a\r\nb", "é", "a\x00", " a\tb ", "a" * 2000])
def test_a_value_is_one_line_of_ascii_or_refused_in_silence(text: str) -> None:
    try:
        value = read_fixed_value(f"{text}{SECRET}{text}")
    except InvalidInputError as error:
        assert str(error) == "extra_headers: value"
        assert is_silent(error)
    else:
        assert value.isascii() and "\n" not in value and value == value.strip()
