"""Egress: hostile spellings of addresses, and a name that resolves otherwise a moment later."""

from __future__ import annotations

import pytest

from app.errors import UpstreamError
from app.mcp.client import Remote, list_tools
from app.mcp.egress import Egress, is_public
from tests.mcp_servers import good
from tests.mcp_servers.running import running

STRICT = Egress(frozenset(), plain_http=False)
OPEN = Egress(frozenset(), plain_http=True)

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - an address to refuse, bound to by nobody
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:1::1",
    "2001:db8::1",
    "3fff::1",
    "::127.0.0.1",
    "::a00:1",
    "::ffff:0:7f00:1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fec0::1",
    "4000::1",
    "5f00::1",
    "fd00:ec2::254",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_of_the_public_internet_is_refused(address: str) -> None:
    assert is_public(address) is False


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_the_public_internet_is_reachable(address: str) -> None:
    assert is_public(address) is True


@pytest.mark.parametrize(
    "address",
    [
        "http://mcp.example.com/",
        "ftp://mcp.example.com/",
        "https://",
        "https:///mcp",
        "https://user@mcp.example.com/",
        "https://user:pass@mcp.example.com/",
        "https://good.example\\@bad.example/",
        "https://mcp.example.com:0x50/",
        "https://mcp.example.com:99999/",
        "https://mcp.example.com:0/",
        "https://mcp.example.com:-1/",
        "https://mcp.example.com%2eevil.example/",
        "https://mcp.example.com%00.evil.example/",
        "https://mcp.example.com\n.evil.example/",
        "https://good.example\\.evil.example/",
        "https://good.example@evil.example\\/",
        "https:mcp.example.com",
        "//mcp.example.com/",
        "file:///etc/passwd",
        "gopher://mcp.example.com/",
        "unix:///var/run/docker.sock",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://mcp.example.com/ path",
        "https://mcp.example.com/\r\nHost: evil",
        "https://mcp.example.com\t/",
        "https://①②⑦.⓪.⓪.①/",
        "https://{tenant}.example.com/",
        "javascript:alert(1)",
        "",
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_refused(address: str) -> None:
    with pytest.raises(UpstreamError, match="unreachable"):
        STRICT.destination(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost/mcp",
        "http://127.1/mcp",
        "http://2130706433/mcp",
        "http://0x7f.1/mcp",
        "http://0/mcp",
        "http://[::1]/mcp",
        "http://[::ffff:127.0.0.1]/mcp",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_this_machine_is_reached_under_none_of_its_spellings(address: str) -> None:
    with pytest.raises(UpstreamError, match="unreachable"):
        list_tools(Remote(address, "streamable-http", {}, None), OPEN, timeout_seconds=5)


def test_only_the_exact_pair_is_allowed() -> None:
    with running(good.demo()) as server:
        for pair in (f"localhost:{server.port}", "127.0.0.1:1", "127.0.0.1"):
            with pytest.raises(UpstreamError, match="unreachable"):
                list_tools(server.remote(good.TOKEN), Egress(frozenset({pair}), plain_http=True))

        assert server.requests == []
        assert list_tools(server.remote(good.TOKEN), Egress(frozenset({server.host_port}), plain_http=False))


def test_plain_http_needs_the_pair_in_production() -> None:
    assert OPEN.destination("http://mcp.example.com/").port == 80
    assert Egress(frozenset({"mcp.example.com:80"}), plain_http=False).destination("http://mcp.example.com/")
    with pytest.raises(UpstreamError):
        STRICT.destination("http://mcp.example.com/")


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    destination = OPEN.destination("https://mcp.example.com/")

    with pytest.raises(UpstreamError):
        OPEN.admit(destination, ["1.1.1.1", "10.0.0.1"])
    with pytest.raises(UpstreamError):
        OPEN.admit(destination, [])


def test_the_first_address_of_each_version_is_tried_in_the_order_of_the_resolver() -> None:
    destination = OPEN.destination("https://mcp.example.com/")
    six, other_six = "2606:4700::1", "2606:4700::2"

    assert OPEN.admit(destination, ["1.1.1.1", "1.0.0.1"]) == ["1.1.1.1"]
    assert OPEN.admit(destination, [six, other_six, "1.1.1.1"]) == [six, "1.1.1.1"]
    assert OPEN.admit(destination, ["1.1.1.1", six]) == ["1.1.1.1", six]


@pytest.mark.parametrize(
    "address",
    [
        "https://a..b/",
        "https://xn--0/",
        "https://[::ffff:127.0.0.1",
        "https://-/",
        "https://" + "a" * 70 + "/",
    ],
)
def test_an_address_that_the_http_client_cannot_read_looks_unreachable_too(address: str) -> None:
    with pytest.raises(UpstreamError, match="unreachable"):
        list_tools(Remote(address, "streamable-http", {}, None), OPEN, timeout_seconds=5)
