"""Run an ASGI app on a free port of this machine, and keep what arrives there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from app.mcp.client import Remote
from app.mcp.egress import Egress


@dataclass
class Running:
    """A server that runs. `requests`: method, path and headers (names in lower case) of what arrived."""

    port: int
    path: str
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host_port}{self.path}"

    @property
    def egress(self) -> Egress:
        """Return rules that let this server be reached, and no other private one."""
        return Egress(allow=frozenset({self.host_port}), plain_http=True)

    def remote(
        self,
        token: str | None,
        *,
        header: str = "Authorization",
        value_format: str = "Bearer {token}",
        transport: str = "streamable-http",
        path: str | None = None,
    ) -> Remote:
        """Return what the client needs to reach it with this token."""
        headers = {header: value_format.replace("{token}", token)} if token else {}
        url = self.url if path is None else f"http://{self.host_port}{path}"
        return Remote(url, transport, headers, token)

    def received(self, text: str) -> bool:
        """Whether any request that arrived held this text in a header or its path."""
        return any(text in path or text in str(headers) for _, path, headers in self.requests)


@contextmanager
def running(asgi: Any, path: str = "/mcp", certificate: Path | None = None) -> Iterator[Running]:
    """Serve an ASGI app in a thread until the block ends; over TLS with a file of certificate and key."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    found = Running(listener.getsockname()[1], path)

    async def recording(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            found.requests.append((scope["method"], scope["path"], headers))
        await asgi(scope, receive, send)

    # Without a `log_config`, uvicorn leaves the loggers of this process alone.
    config = uvicorn.Config(
        recording,
        log_level="critical",
        log_config=None,
        ws="none",
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield found
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()
