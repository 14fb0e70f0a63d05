"""The demo MCP server: a few small tools behind a token, to try the product on one machine."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mcp.server import MCPServer

HOST: Final = "127.0.0.1"
MAX_SLOW_SECONDS: Final = 60
OWNER: Final = "demo person"


def build_demo_server(token: str) -> MCPServer:
    """Return a server that refuses, with 401, every request without this token."""
    from mcp.server import MCPServer
    from mcp.server.auth.provider import AccessToken
    from mcp.server.auth.settings import AuthSettings
    from pydantic import AnyHttpUrl

    class OneToken:
        """Knows one token."""

        async def verify_token(self, given: str) -> AccessToken | None:
            """Return who the token belongs to, or None."""
            if hmac.compare_digest(given.encode(), token.encode()):
                return AccessToken(token=given, client_id=OWNER, scopes=[])
            return None

    # The protocol wants to know who issues tokens; nobody does, so it names the server itself.
    own = AnyHttpUrl(f"http://{HOST}/")
    auth = AuthSettings(
        issuer_url=own,
        resource_server_url=own,
        required_scopes=[],
        validate_token_resource=False,
    )
    server = MCPServer("MCP Market demo", token_verifier=OneToken(), auth=auth, log_level="CRITICAL")
    _add_tools(server)
    return server


def serve(token: str, port: int) -> None:
    """Serve on 127.0.0.1 until interrupted. Logs no requests."""
    import uvicorn

    app = build_demo_server(token).streamable_http_app()
    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False, ws="none")


def _add_tools(server: MCPServer) -> None:
    from mcp.server.mcpserver.exceptions import ToolError

    @server.tool()
    def whoami() -> str:
        """Say who the token belongs to."""
        return f"You are {OWNER}, known by your token."

    @server.tool()
    def add(a: float, b: float) -> int | float:
        """Add two numbers."""
        total = a + b
        return int(total) if total.is_integer() else total

    @server.tool()
    def echo(text: str, times: int = 1, shout: bool = False) -> str:
        """Repeat a text, up to ten times."""
        line = text.upper() if shout else text
        return "\n".join([line] * max(1, min(times, 10)))

    @server.tool()
    def slow(seconds: float = 5) -> str:
        """Take a while: up to 60 seconds."""
        waited = max(0.0, min(seconds, MAX_SLOW_SECONDS))
        time.sleep(waited)
        return f"Waited {waited:g} s."

    @server.tool()
    def fail() -> str:
        """Fail, as tools sometimes do."""
        raise ToolError("This tool always fails.")
