"""Names and certificates: the address that was checked is connected to, the certificate is the name's."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import UpstreamError, UpstreamTimeoutError
from app.mcp import transport
from app.mcp.client import Remote, list_tools
from app.mcp.egress import Egress
from tests.mcp_servers import good, sly
from tests.mcp_servers.certificates import Authority
from tests.mcp_servers.names import resolve_as
from tests.mcp_servers.running import Running, running

NAME = "mcp.example.com"
HEADERS = {"Authorization": f"Bearer {good.TOKEN}"}


def named(server: Running, scheme: str = "http") -> tuple[Remote, Egress]:
    pair = f"{NAME}:{server.port}"
    remote = Remote(f"{scheme}://{pair}/mcp", "streamable-http", HEADERS, good.TOKEN)
    return remote, Egress(frozenset({pair}), plain_http=False)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """An authority that this process trusts for one test, as an operator would make it."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    transport.tls_context.cache_clear()
    yield authority
    transport.tls_context.cache_clear()


def test_a_name_is_resolved_once_and_its_checked_address_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = resolve_as(monkeypatch, NAME, lambda time: ["127.0.0.1"] if time == 1 else ["192.0.2.1"])

    with running(good.legacy()) as server:
        list_tools(*named(server))

        assert asked == [NAME]
        assert {headers["host"] for _, _, headers in server.requests} == {f"{NAME}:{server.port}"}


def test_a_name_that_turns_private_after_the_check_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    # 192.0.2.0/24 is nobody's; that it is refused at once shows that the first answer decides.
    resolve_as(monkeypatch, NAME, lambda time: ["192.0.2.1"] if time == 1 else ["127.0.0.1"])

    with running(good.legacy()) as server:
        remote, _ = named(server)
        with pytest.raises(UpstreamError, match="unreachable"):
            list_tools(remote, Egress(frozenset(), plain_http=True))

        assert server.requests == []


def test_where_one_version_of_ip_has_no_route_the_other_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_as(monkeypatch, NAME, lambda _: ["::1", "127.0.0.1"])

    with running(good.legacy()) as server:
        assert list_tools(*named(server))


def test_cookies_of_a_load_balancer_find_their_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_as(monkeypatch, NAME, lambda _: ["127.0.0.1"])

    with running(sly.sly(headers={"Set-Cookie": f"node=7; Domain={NAME}; Path=/"})) as server:
        list_tools(*named(server))

        assert server.requests[-1][2]["cookie"] == "node=7"


def test_a_resolver_that_says_nothing_does_not_outlast_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_time: int) -> list[str]:
        time.sleep(4)
        return []

    resolve_as(monkeypatch, NAME, silent)
    started = time.monotonic()

    with pytest.raises(UpstreamTimeoutError):
        list_tools(
            Remote(f"https://{NAME}/mcp", "streamable-http", {}, None),
            Egress(frozenset(), plain_http=False),
            timeout_seconds=0.5,
        )

    assert time.monotonic() - started < 2


def test_the_certificate_is_checked_against_the_name(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    resolve_as(monkeypatch, NAME, lambda _: ["127.0.0.1"])

    with running(good.legacy(), certificate=authority.certificate_for(NAME)) as server:
        assert list_tools(*named(server, "https"))
        assert {headers["host"] for _, _, headers in server.requests} == {f"{NAME}:{server.port}"}


def test_the_certificate_of_another_name_is_refused_before_the_token_leaves(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    resolve_as(monkeypatch, NAME, lambda _: ["127.0.0.1"])

    with running(good.legacy(), certificate=authority.certificate_for("other.example")) as server:
        with pytest.raises(UpstreamError, match="unreachable"):
            list_tools(*named(server, "https"))

        assert server.requests == []


def test_the_certificate_of_an_unknown_authority_is_refused(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "stranger").mkdir()
    stranger = Authority(tmp_path / "stranger")
    resolve_as(monkeypatch, NAME, lambda _: ["127.0.0.1"])

    with running(good.legacy(), certificate=stranger.certificate_for(NAME)) as server:
        with pytest.raises(UpstreamError, match="unreachable"):
            list_tools(*named(server, "https"))

        assert server.requests == []


def test_proxies_and_passwords_of_the_environment_play_no_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{closed.getsockname()[1]}")

        with running(good.legacy()) as server:
            assert list_tools(server.remote(good.TOKEN), server.egress)
            with running(good.without_token()) as other:
                list_tools(other.remote(None), other.egress)

                assert not any("authorization" in headers for _, _, headers in other.requests)
