"""Transport: the one way out. Guards every HTTP request that the MCP SDK makes for a use of a token."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Final, cast

import httpx2

from app.errors import UpstreamError
from app.mcp.egress import UNREACHABLE, Egress, resolve

#: All that one use may read, over all its responses. A list of 1,000 tools is a tenth of this.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
#: A use takes six requests and one more a page of tools. A server can ask for more, without end:
#: `retry: 0` in a stream that it closes, or requests of its own that each want an answer.
MAX_REQUESTS: Final = 60


@cache
def tls_context() -> ssl.SSLContext:
    """Return the process's TLS context: building one costs more than a whole call.

    Alone of the environment's variables, `SSL_CERT_FILE` and `SSL_CERT_DIR` count: they are how operators
    name the authority of their own network, and slim containers theirs.
    """
    return httpx2.create_ssl_context()


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """Sends requests to one origin only, at a checked address, follows nothing and reads no more than it may.

    The SDK wraps whatever goes wrong until it cannot be told apart, so the reason is kept here. `problem`:
    the first thing that ended the conversation; `status`: the error status of the last request that matters,
    None after a good one. The GET stream and the DELETE of Streamable HTTP are optional, and how a server
    answers them does not matter; over SSE, the GET is what all answers come by.
    """

    def __init__(self, address: str, egress: Egress, *, over_sse: bool) -> None:
        """Raise UpstreamError("unreachable") for an address that may not be used."""
        super().__init__(verify=tls_context(), trust_env=False)
        self.problem: str | None = None
        self.status: int | None = None
        #: Whether any request that matters got a good answer.
        self.was_answered = False
        #: Whether a 403 said that the token has too little scope (RFC 6750, 3.1).
        self.scope_is_missing = False
        #: Whether a refusal named where one gets a token by OAuth (RFC 9728, 5.1).
        self.offers_oauth = False
        #: Ends the conversation; set by who leads it. The SDK would go on waiting after some failures.
        self.give_up: Callable[[], None] = lambda: None
        self.over_sse = over_sse
        self._egress = egress
        self._destination = egress.destination(address)
        self._addresses: list[str] | None = None
        self._bytes_left = MAX_BODY_BYTES
        self._requests_left = MAX_REQUESTS
        if not self._is_at_destination(_parsed(address)):
            raise UpstreamError(UNREACHABLE)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. Raises httpx2.TransportError, after noting why, for what may not be."""
        self._requests_left -= 1
        if self._requests_left < 0:
            raise self._failure("not_mcp", request)
        response = await self._send(request)
        if 300 <= response.status_code < 400:
            # Clients strip only `Authorization` on the way to another host, never `X-API-Key`.
            await response.aclose()
            raise self._failure("redirect", request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            # Not asked for, and a few bytes of it can unpack to gigabytes.
            await response.aclose()
            raise self._failure("too_large", request)
        if self._matters(request):
            self.status = response.status_code if response.status_code >= 400 else None
            self.was_answered = self.was_answered or self.status is None
            challenge = response.headers.get("www-authenticate", "")
            self.scope_is_missing = self.status == 403 and "insufficient_scope" in challenge
            refuses = self.status in {401, 403}
            self.offers_oauth = self.offers_oauth or (refuses and "resource_metadata" in challenge.lower())
            if self.status and self.over_sse:
                # Here the SDK logs a refused POST and waits for its answer all the same.
                self.give_up()
        response.stream = _Capped(cast(httpx2.AsyncByteStream, response.stream), self)
        return response

    def count(self, size: int) -> None:
        """Take bytes off the allowance. Raises httpx2.ReadError when they are more than it had."""
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise self._failure("too_large")

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request to the first of the checked addresses that takes the connection."""
        try:
            addresses = await self._checked_addresses(request)
            for address in addresses[:-1]:
                try:
                    response = await super().handle_async_request(self._aimed(request, address))
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    # Nothing was sent yet.
                    continue
                self._addresses = [address]
                return response
            self._addresses = addresses[-1:]
            return await super().handle_async_request(self._aimed(request, addresses[-1]))
        except UpstreamError as error:
            raise self._failure(error.reason, request) from None
        except httpx2.TimeoutException:
            raise
        except (httpx2.TransportError, OSError):
            raise self._failure(UNREACHABLE, request) from None

    async def _checked_addresses(self, request: httpx2.Request) -> list[str]:
        """Return where to connect to. The name is resolved once; each address it has was checked."""
        if not self._is_at_destination(request.url):
            raise UpstreamError("redirect")
        if self._addresses is None:
            found = await resolve(self._destination.host, self._destination.port)
            self._addresses = self._egress.admit(self._destination, found)
        return self._addresses

    def _aimed(self, request: httpx2.Request, address: str) -> httpx2.Request:
        """Return the request for this IP address; Host header, SNI and certificate check stay on the name.

        A new one: by the URL of the old, cookies of a load balancer find their way back.
        """
        return httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": self._destination.host},
        )

    def _is_at_destination(self, url: httpx2.URL) -> bool:
        wanted = self._destination
        port = url.port or (443 if url.scheme == "https" else 80)
        return (url.scheme, url.host.lower(), port) == (wanted.scheme, wanted.host, wanted.port)

    def _matters(self, request: httpx2.Request) -> bool:
        return request.method == "POST" or (request.method == "GET" and self.over_sse)

    def _failure(self, reason: str, request: httpx2.Request | None = None) -> httpx2.TransportError:
        """Note why the conversation ends, and end it, unless the request does not matter."""
        if request is None or self._matters(request):
            self.problem = self.problem or reason
            self.give_up()
        return httpx2.ReadError("refused")


def _parsed(address: str) -> httpx2.URL:
    """Return the address as the HTTP client reads it. Raises UpstreamError("unreachable")."""
    try:
        return httpx2.URL(address)
    except httpx2.InvalidURL:
        raise UpstreamError(UNREACHABLE) from None


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
