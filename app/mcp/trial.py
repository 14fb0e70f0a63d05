"""Trial: what a server shows to whoever has no token, asked once and without one.

Nothing is changed by it, and nobody's token is near: an admin learns whether an entry of the catalogue is
right before people entrust it with theirs.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from app.errors import MarketError, UpstreamError, UpstreamRefusedError, UpstreamTimeoutError
from app.mcp.catalogue import SSE, STREAMABLE_HTTP
from app.mcp.client import MAX_TOOL_PAGES, MAX_TOOLS, Remote
from app.mcp.conversation import converse, fetch
from app.mcp.egress import Egress
from app.mcp.texts import clean_text

if TYPE_CHECKING:
    from mcp import Client

    from app.mcp.transport import GuardedTransport

#: It works for whoever has no token.
OPEN: Final = "open"
#: It refuses whoever has no token.
REFUSED: Final = "refused"
#: It is an MCP server, and what it answered tells nothing of tokens.
UNCLEAR: Final = "unclear"
#: As in a check; what may not be reached and what does not listen look alike.
UNREACHABLE: Final = "unreachable"
OUTCOMES: Final = (OPEN, REFUSED, UNCLEAR, UNREACHABLE)
#: What one asks for in turn, and at which of them a server may refuse.
CONNECT: Final = "connect"
LIST: Final = "list"
CALL: Final = "call"
STEPS: Final = (CONNECT, LIST, CALL)
#: Eras of the protocol: stateless since 2026-07-28, with a handshake before.
STATELESS: Final = "stateless"
HANDSHAKE: Final = "handshake"
ERAS: Final = (STATELESS, HANDSHAKE)
#: Answers of another transport: then the other one is tried.
OTHER_TRANSPORT: Final = frozenset({"not_mcp", "error_answer", "server_error"})
#: Statuses for whoever lacks a right.
FORBIDDEN: Final = frozenset({"forbidden", "insufficient_scope"})
VERSION: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIMEOUT_SECONDS: Final = 30.0
METADATA_TIMEOUT_SECONDS: Final = 5.0
MAX_SELF_CHARS: Final = 100
MAX_TOOL_NAME_CHARS: Final = 200
MAX_READ_ONLY: Final = 20
#: Where a protected resource names its authorization servers (RFC 9728, 3.1).
METADATA: Final = "/.well-known/oauth-protected-resource"


@dataclass
class Trial:
    """What was found. `outcome`: one of `OUTCOMES`; `reason`: a word of `app.words.trials`.

    None stands for what was not found out. `transport`: the one that answered; `era`: `STATELESS` or
    `HANDSHAKE`; `protocol`: the date that names the version. `name` and `version` are the server's own words,
    one line each. `tools`: how many it lists; `read_only`: names of those that it marks so, its first
    `MAX_READ_ONLY`.
    """

    outcome: str = UNREACHABLE
    reason: str = "unreachable"
    transport: str | None = None
    era: str | None = None
    protocol: str | None = None
    name: str = ""
    version: str = ""
    tools: int | None = None
    read_only: tuple[str, ...] = ()
    offers_oauth: bool | None = None

    @property
    def wants_token(self) -> str | None:
        """At which of `STEPS` it refuses whoever has no token; None when it does not, or does not say."""
        return self.reason if self.reason in STEPS else None

    @property
    def is_connected(self) -> bool:
        """Whether it answered as an MCP server."""
        return self.transport is not None


def try_out(
    remote: Remote,
    egress: Egress,
    *,
    probe_tool: str | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Trial:
    """Return what the server shows; `remote` has no token. Raises nothing that the server could cause.

    `probe_tool` is called, without arguments, only while the server marks it as read-only.
    """
    ends = time.monotonic() + timeout_seconds
    trial = Trial()
    used: list[GuardedTransport] = []
    for seconds, transport in _attempts(remote.transport, timeout_seconds):
        attempt = replace(remote, transport=transport)
        left = max(1.0, min(seconds, ends - time.monotonic()))
        failure = _attempt(trial, attempt, egress, (probe_tool, left, used))
        if failure is None or trial.is_connected or not _speaks_otherwise(failure):
            break
    trial.offers_oauth = _oauth_in(trial, used, remote.address, egress)
    return trial


def _attempts(declared: str, seconds: float) -> list[tuple[float, str]]:
    """Return what to try, with how long: `converse` itself goes from Streamable HTTP to SSE, not back."""
    if declared != SSE:
        return [(seconds, declared)]
    # Some answer the GET of SSE with a stream that says nothing: the other still gets its turn.
    return [(seconds / 2, SSE), (seconds, STREAMABLE_HTTP)]


def _speaks_otherwise(failure: MarketError) -> bool:
    if isinstance(failure, UpstreamTimeoutError):
        return True
    return isinstance(failure, UpstreamError) and failure.reason in OTHER_TRANSPORT


def _attempt(
    trial: Trial, remote: Remote, egress: Egress, how: tuple[str | None, float, list[GuardedTransport]]
) -> MarketError | None:
    """Look at the server over one transport, and note what it shows; return what ended it early."""
    probe_tool, seconds, used = how

    async def act(client: Client, transport: GuardedTransport) -> None:
        _note_server(trial, client, transport)
        tools = await _list(client, transport)
        _note_tools(trial, tools)
        if _is_read_only(tools, probe_tool):
            trial.reason = CALL
            result = await client.call_tool(str(probe_tool), {})
            trial.outcome, trial.reason = (REFUSED, CALL) if result.is_error else (OPEN, "probe_open")

    try:
        converse(remote, egress, act, seconds, note=used.append)
    except MarketError as error:
        _note_failure(trial, error)
        return error
    return None


def _note_server(trial: Trial, client: Client, transport: GuardedTransport) -> None:
    session = client.session
    trial.outcome, trial.reason = UNCLEAR, LIST
    trial.transport = SSE if transport.over_sse else STREAMABLE_HTTP
    trial.era = STATELESS if session.discover_result is not None else HANDSHAKE
    version = session.protocol_version or ""
    trial.protocol = version if VERSION.fullmatch(version) else None
    about = session.server_info
    trial.name = clean_text(getattr(about, "name", ""), MAX_SELF_CHARS)
    trial.version = clean_text(getattr(about, "version", ""), MAX_SELF_CHARS)


def _note_tools(trial: Trial, tools: list[Any]) -> None:
    trial.outcome, trial.reason = OPEN, "open"
    trial.tools = len(tools)
    names = [tool.name for tool in tools if _is_read_only([tool], tool.name)]
    # A name that cannot be shown as it is could not be typed either.
    shown = [name for name in names if name and name == clean_text(name, MAX_TOOL_NAME_CHARS)]
    trial.read_only = tuple(shown[:MAX_READ_ONLY])


def _note_failure(trial: Trial, error: MarketError) -> None:
    """Note what ended it: `trial.reason` says how far it had come."""
    step = trial.reason if trial.is_connected else CONNECT
    reason = error.reason if isinstance(error, UpstreamError) else "not_mcp"
    if isinstance(error, UpstreamRefusedError):
        trial.outcome, trial.reason = REFUSED, step
    elif reason in FORBIDDEN:
        trial.outcome, trial.reason = REFUSED, "forbidden"
    elif reason == "error_answer" and step == CALL:
        trial.outcome, trial.reason = REFUSED, CALL
    else:
        reason = "timeout" if isinstance(error, UpstreamTimeoutError) else reason
        answered = trial.is_connected or reason == "error_answer"
        trial.outcome, trial.reason = UNCLEAR if answered else UNREACHABLE, reason


async def _list(client: Client, transport: GuardedTransport) -> list[Any]:
    """Return the server's tools, at most `MAX_TOOLS`; [] for a server that has none to list."""
    from mcp import MCPError
    from mcp_types import METHOD_NOT_FOUND

    tools: list[Any] = []
    cursor = None
    for _ in range(MAX_TOOL_PAGES):
        try:
            page = await client.list_tools(cursor=cursor)
        except MCPError as error:
            # The newest era says so with 404.
            if error.code == METHOD_NOT_FOUND and transport.was_answered:
                break
            raise
        tools += page.tools
        cursor = page.next_cursor
        if not cursor or len(tools) >= MAX_TOOLS:
            break
    return tools[:MAX_TOOLS]


def _is_read_only(tools: list[Any], name: str | None) -> bool:
    """Whether there is a tool of this name that the server marks as read-only."""
    return any(
        tool.name == name and tool.annotations is not None and tool.annotations.read_only_hint is True
        for tool in tools
    )


def _oauth_in(trial: Trial, used: list[GuardedTransport], address: str, egress: Egress) -> bool | None:
    """Return whether the server offers OAuth, as far as it says so itself; None when it did not answer.

    Nobody else is asked: neither a metadata document elsewhere nor an authorization server.
    """
    if any(transport.offers_oauth for transport in used):
        return True
    if trial.outcome == UNREACHABLE:
        return None
    parts = urlsplit(address)
    origin = f"{parts.scheme}://{parts.netloc}"
    places = dict.fromkeys((f"{origin}{METADATA}{parts.path.rstrip('/')}", f"{origin}{METADATA}"))
    return any(_names_authorization(fetch(place, egress, METADATA_TIMEOUT_SECONDS)) for place in places)


def _names_authorization(body: bytes | None) -> bool:
    """Whether this is a metadata document (RFC 9728, 2), and not the page that some hosts give for all."""
    try:
        document = json.loads(body or b"")
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and bool(document.get("authorization_servers"))
