"""Checks: does a server take a token? Asked with it and, when that works, without it.

Many servers list their tools to anybody, so that a list proves nothing. Only a server that works with the
token and refuses without it has proven that it takes the token.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app.errors import MarketError, UpstreamError, UpstreamRefusedError, UpstreamTimeoutError
from app.mcp.client import MAX_TOOL_PAGES, Remote
from app.mcp.conversation import converse
from app.mcp.egress import Egress
from app.mcp.redaction import Redactor, shares_a_piece

if TYPE_CHECKING:
    from mcp import Client

    from app.mcp.transport import GuardedTransport

ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"
NOT_PROVEN: Final = "not_proven"
UNREACHABLE: Final = "unreachable"
RESULTS: Final = (ACCEPTED, REJECTED, NOT_PROVEN, UNREACHABLE)
#: Reasons under which the server did answer, and what it answered is no proof.
_UNPROVEN: Final = frozenset({"forbidden", "insufficient_scope", "error_answer"})
#: Statuses that speak of the moment and not of who asks: Request Timeout, Too Early, Too Many Requests.
_MOMENTARY: Final = frozenset({408, 425, 429})
#: For the whole check: as long as a call.
TIMEOUT_SECONDS: Final = 30.0
#: So that the comparison still gets its turn behind a slow answer.
SHARE_WITH_TOKEN: Final = 2 / 3
MAX_IDENTITY_CHARS: Final = 100
#: A person's name stands in the first words of an answer.
MAX_BLOCKS: Final = 20
#: Names under which tools say who one is, the most telling first.
IDENTITY_NAMES: Final = (
    *("login", "username", "user_name", "userName", "email", "display_name", "displayName", "name"),
    *("user", "account", "viewer", "me", "id", "sub", "result"),
)


@dataclass(frozen=True)
class Verdict:
    """What a check found. `result`: one of `RESULTS`; `reason`: a word of `app.words.checks`.

    `identity`: whom the probe tool names as signed in; the server's word, without any piece of the token.
    """

    result: str
    reason: str
    identity: str | None = None


@dataclass(frozen=True)
class _Seen:
    """What the server showed. `probe`: the probe tool's answer, None where it was not called."""

    probe: Any = None
    probe_failed: bool = False


def check(
    remote: Remote,
    without: Remote,
    egress: Egress,
    *,
    probe_tool: str | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Verdict:
    """Return whether the server takes the token of `remote`; `without` is the same without a token.

    `probe_tool` is called, without arguments, only while the server marks it as read-only; its answer then
    decides. Raises nothing that the server could cause.
    """
    ends = time.monotonic() + timeout_seconds
    try:
        seen = _look(remote, egress, probe_tool, timeout_seconds * SHARE_WITH_TOKEN)
    except MarketError as error:
        return _of_failure(error)
    if seen.probe_failed:
        return Verdict(NOT_PROVEN, "probe_failed")
    outcome = _without(without, egress, probe_tool, max(1.0, ends - time.monotonic()))
    if outcome == "refused":
        return _accepted(seen, remote)
    if seen.probe is None:
        return Verdict(NOT_PROVEN, "open" if isinstance(outcome, _Seen) else "no_comparison")
    # The probe tool decides, unless it answers everybody alike.
    if isinstance(outcome, _Seen) and not outcome.probe_failed and _is_alike(outcome.probe, seen.probe):
        return Verdict(NOT_PROVEN, "probe_open")
    return _accepted(seen, remote)


def _is_alike(one: Any, other: Any) -> bool:
    """Whether two answers are the same, or name the same person, whatever the time is in them."""
    if one is None or one == other:
        return bool(one == other)
    name = identity_in(one, None)
    return name is not None and name == identity_in(other, None)


def _without(remote: Remote, egress: Egress, probe_tool: str | None, timeout_seconds: float) -> _Seen | str:
    """Return what the server shows without a token, or `refused`, or `unknown`."""
    try:
        return _look(remote, egress, probe_tool, timeout_seconds)
    except UpstreamRefusedError:
        return "refused"
    except UpstreamError as error:
        status = error.status or 0
        is_refusal = error.reason == "error_answer" or (400 <= status < 500 and status not in _MOMENTARY)
        return "refused" if is_refusal else "unknown"
    except MarketError:
        return "unknown"


def _accepted(seen: _Seen, remote: Remote) -> Verdict:
    if seen.probe is None:
        return Verdict(ACCEPTED, "proved")
    return Verdict(ACCEPTED, "probe", identity_in(seen.probe, remote.secret))


def _of_failure(error: MarketError) -> Verdict:
    if isinstance(error, UpstreamRefusedError):
        return Verdict(REJECTED, "refused")
    if isinstance(error, UpstreamTimeoutError):
        return Verdict(UNREACHABLE, "timeout")
    reason = error.reason if isinstance(error, UpstreamError) else "not_mcp"
    return Verdict(NOT_PROVEN if reason in _UNPROVEN else UNREACHABLE, reason)


def _look(remote: Remote, egress: Egress, probe_tool: str | None, timeout_seconds: float) -> _Seen:
    """Return what the server shows. Raises what `converse` raises."""
    redactor = Redactor(remote.secret)

    async def act(client: Client, transport: GuardedTransport) -> _Seen:
        from mcp import MCPError
        from mcp_types import METHOD_NOT_FOUND

        try:
            tool = await _find(client, probe_tool)
            if tool is None or tool.annotations is None or tool.annotations.read_only_hint is not True:
                return _Seen()
            result = await client.call_tool(tool.name, {})
        except MCPError as error:
            # A server without tools answered as one; the newest era says so with 404.
            if error.code == METHOD_NOT_FOUND and transport.was_answered:
                return _Seen()
            raise
        blocks = [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]
        # Each for itself: a name of ours might be somebody's token.
        answer = {"content": redactor.json(blocks), "structured": redactor.json(result.structured_content)}
        return _Seen(answer, bool(result.is_error))

    return converse(remote, egress, act, timeout_seconds)


async def _find(client: Client, name: str | None) -> Any:
    """Return the tool of this name, or None; without a name, only ask for the first page."""
    cursor = None
    for _ in range(MAX_TOOL_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            if tool.name == name:
                return tool
        cursor = page.next_cursor
        if not cursor or name is None:
            break
    return None


def identity_in(answer: Mapping[str, Any], secret: str | None) -> str | None:
    """Return whom a probe tool's answer names, one line at most `MAX_IDENTITY_CHARS` long, or None.

    None too when it holds a piece of the token: no more of it than the hint is ever shown.
    """
    said = [answer["structured"], *(_read(text) for text in _texts(answer["content"]))]
    found = next((name for name in map(_named, said) if name), None)
    if not found or (secret and shares_a_piece(found, secret)):
        return None
    return found


def _texts(blocks: Any) -> list[str]:
    """Return the texts of an answer's first blocks; what is no block any more was cut off."""
    shown = [block for block in blocks[:MAX_BLOCKS] if isinstance(block, Mapping)]
    return [block["text"] for block in shown if isinstance(block.get("text"), str)]


def _read(text: str) -> Any:
    """Return the JSON in a text, or the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _named(value: Any, depth: int = 3) -> str | None:
    if isinstance(value, str | int) and not isinstance(value, bool):
        line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
        return line[:MAX_IDENTITY_CHARS] or None
    if isinstance(value, Mapping) and depth:
        for name in IDENTITY_NAMES:
            found = _named(value.get(name), depth - 1)
            if found:
                return found
    return None
