"""Servers that others wrote: FastMCP with two of its verifiers, and the reference server-everything."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier, RSAKeyPair, StaticTokenVerifier

from tests import databases
from tests.mcp_servers.running import Running, running

EVERYTHING = Path(__file__).with_name("everything")
START = EVERYTHING / "node_modules/@modelcontextprotocol/server-everything/dist/index.js"
ISSUER = "https://issuer.example.com"


def fastmcp(auth: Any = None) -> Any:
    """Return a FastMCP server with one tool, at `/mcp`; with a verifier it wants a token."""
    server: Any = FastMCP("independent", auth=auth)

    @server.tool(annotations={"readOnlyHint": True})
    def ping() -> str:
        """Answer."""
        return "pong"

    return server.http_app(path="/mcp")


def static_tokens(required_scopes: list[str] | None = None, **scopes: list[str]) -> StaticTokenVerifier:
    """Return a verifier that knows these tokens, token → scopes."""
    tokens = {
        token.replace("_", "-"): {"client_id": "ann", "scopes": granted} for token, granted in scopes.items()
    }
    return StaticTokenVerifier(tokens, required_scopes=required_scopes)


def signed_tokens(pair: RSAKeyPair, required_scopes: list[str] | None = None) -> JWTVerifier:
    """Return a verifier of the tokens that this key pair has signed."""
    return JWTVerifier(public_key=pair.public_key, issuer=ISSUER, required_scopes=required_scopes)


@contextmanager
def everything(transport: str) -> Iterator[Running]:
    """Run server-everything, `streamableHttp` or `sse`, until the block ends. It lets everybody in."""
    node = shutil.which("node")
    if node is None or not START.exists():
        databases.skip_or_fail("node or server-everything is not there (`make unit` installs it with npm)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(node), str(START), transport],
        env={"PATH": os.environ["PATH"], "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield Running(port, "/sse" if transport == "sse" else "/mcp")
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("server-everything did not start")


__all__ = ["RSAKeyPair", "everything", "fastmcp", "running", "signed_tokens", "static_tokens"]
