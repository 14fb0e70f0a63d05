"""Transport: the one way out. Guards every HTTP request that the MCP SDK makes for a use of a token."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import Final, cast

import httpx2

from app.errors import UpstreamError
from app.mcp.egress import Egress, resolve

#: All that one use may read, over all its responses. A list of 1,000 tools is a tenth of this.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
#: Answers of a server that says nothing about the token.
REASONS: Final = {403: "forbidden", 429: "rate_limited"}


@cache
def tls_context() -> ssl.SSLContext:
    """Return the process's TLS context: building one costs more than a whole call."""
    return httpx2.create_ssl_context(trust_env=False)


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """Sends requests to one origin only, at a checked address, follows nothing and reads no more than it may.

    The SDK wraps whatever goes wrong until it cannot be told apart, so the reason is kept here: `problem`
    is the first thing that this transport refused, `status` the last error status that matters (servers may
    refuse the optional GET stream of Streamable HTTP, but not the one of SSE).
    """

    def __init__(self, address: str, egress: Egress, *, get_matters: bool) -> None:
        super().__init__(verify=tls_context(), trust_env=False)
        self._telling_methods = {"POST", "GET"} if get_matters else {"POST"}
        self.problem: str | None = None
        self.status: int | None = None
        self._egress = egress
        self._destination = egress.destination(address)
        self._checked_address: str | None = None
        self._bytes_left = MAX_BODY_BYTES

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. Raises httpx2.TransportError, after noting why, for what may not be."""
        await self._aim(request)
        response = await super().handle_async_request(request)
        if response.is_redirect or 300 <= response.status_code < 400:
            # Clients strip only `Authorization` on the way to another host, never `X-API-Key`.
            raise await self._refuse(response, "redirect")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            # Not asked for, and a few bytes of it can unpack to gigabytes.
            raise await self._refuse(response, "too_large")
        if response.status_code >= 400 and request.method in self._telling_methods:
            self.status = response.status_code
        response.stream = _Capped(cast(httpx2.AsyncByteStream, response.stream), self)
        return response

    def count(self, size: int) -> None:
        """Take bytes off the allowance. Raises httpx2.ReadError when they are more than it had."""
        self._bytes_left -= size
        if self._bytes_left < 0:
            self.problem = self.problem or "too_large"
            raise httpx2.ReadError("too large")

    async def _aim(self, request: httpx2.Request) -> None:
        """Point the request at the checked IP address; name, Host header and certificate check stay."""
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        wanted = self._destination
        try:
            if (url.scheme, url.host.strip("[]").lower(), port) != (wanted.scheme, wanted.host, wanted.port):
                raise UpstreamError("redirect")
            if self._checked_address is None:
                addresses = await resolve(wanted.host, wanted.port)
                self._checked_address = self._egress.pick(wanted, addresses)
        except UpstreamError as error:
            self.problem = self.problem or error.reason
            raise httpx2.ConnectError("refused") from None
        request.extensions = {**request.extensions, "sni_hostname": wanted.host}
        request.url = url.copy_with(host=self._checked_address)

    async def _refuse(self, response: httpx2.Response, reason: str) -> httpx2.TransportError:
        await response.aclose()
        self.problem = self.problem or reason
        return httpx2.ReadError("refused")


class _Capped(httpx2.AsyncByteStream):
    """A response body that counts against its transport's allowance."""

    def __init__(self, stream: httpx2.AsyncByteStream, transport: GuardedTransport) -> None:
        self._stream = stream
        self._transport = transport

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._transport.count(len(chunk))
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
