"""Checks: does a server take a token? Asked with it and, when that works, without it.

Many servers list their tools to anybody, so that a list proves nothing. Only a server that works with the
token and refuses without it has proven that it takes the token. A probe tool that answers everybody something
has proven it when what it says with the token stays the same, and so does what it says without, and both
differ.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app.errors import MarketError, UpstreamError, UpstreamRefusedError, UpstreamTimeoutError
from app.mcp.answers import Leaves, echoes_in, identity_in, leaves_of
from app.mcp.client import MAX_TOOL_PAGES, Remote
from app.mcp.conversation import converse
from app.mcp.egress import Egress
from app.mcp.redaction import Redactor

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
#: What a server shows that turns away whoever has no token: with 401, or with another error of its own.
REFUSED: Final = "refused"
DECLINED: Final = "declined"
#: And one that cannot be asked now.
UNKNOWN: Final = "unknown"


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
    """What the server showed. `probe`: the probe tool's answer, None where it was not called or failed."""

    probe: Any = None
    probe_failed: bool = False

    @property
    def leaves(self) -> Leaves | None:
        """Return what is compared of the probe tool's answer, None for none."""
        return None if self.probe is None else leaves_of(self.probe)


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
    asking = _Asking(remote, without, egress, probe_tool, time.monotonic() + timeout_seconds)
    try:
        seen = _look(remote, egress, probe_tool, timeout_seconds * SHARE_WITH_TOKEN)
    except MarketError as error:
        return _of_failure(error)
    if seen.probe_failed:
        return Verdict(NOT_PROVEN, "probe_failed")
    outcome = asking.without_token()
    if outcome == UNKNOWN:
        return Verdict(NOT_PROVEN, "no_comparison")
    if seen.probe is None:
        return Verdict(NOT_PROVEN, "open") if isinstance(outcome, _Seen) else Verdict(ACCEPTED, "proved")
    if outcome == REFUSED:
        return Verdict(ACCEPTED, "probe", _name(seen, remote.secret))
    # The probe tool decides, unless it answers everybody alike.
    return _compared(seen, outcome, asking)


@dataclass(frozen=True)
class _Asking:
    """How the server is asked again, in what is left of the check's time. `ends`: of the monotonic clock."""

    remote: Remote
    without: Remote
    egress: Egress
    probe_tool: str | None
    ends: float

    def with_token(self) -> _Seen | None:
        """Return what the server shows with the token, None when it cannot be asked now."""
        try:
            return self._look(self.remote)
        except MarketError:
            return None

    def without_token(self) -> _Seen | str:
        """Return what the server shows without a token, or `REFUSED`, `DECLINED` or `UNKNOWN`."""
        try:
            return self._look(self.without)
        except UpstreamRefusedError:
            return REFUSED
        except UpstreamError as error:
            status = error.status or 0
            is_refusal = error.reason == "error_answer" or (400 <= status < 500 and status not in _MOMENTARY)
            return DECLINED if is_refusal else UNKNOWN
        except MarketError:
            return UNKNOWN

    def _look(self, remote: Remote) -> _Seen:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise UpstreamTimeoutError
        return _look(remote, self.egress, self.probe_tool, left)


def _compared(seen: _Seen, first: _Seen | str, asking: _Asking) -> Verdict:
    """Return the verdict of a probe tool that worked with the token; `first`: what was seen without one.

    Answers that differ may differ by themselves: they hold the time, a number that counts, the name of one
    of several machines. So both are asked for once more, in the order with, without, without, with: what
    changes with time is not the same at both ends and another in between, and what alternates is not the
    same twice in the middle.
    """
    secret = asking.remote.secret
    if isinstance(first, _Seen) and seen.leaves == first.leaves:
        return Verdict(NOT_PROVEN, "probe_open")
    second = asking.without_token()
    again = asking.with_token() if second != UNKNOWN else None
    if again is None:
        return Verdict(NOT_PROVEN, "no_comparison")
    own, others = (seen, again), [each if isinstance(each, _Seen) else _Seen() for each in (first, second)]
    if again.probe is not None and all(each.probe is None for each in others):
        # It works with the token each time, and never without.
        is_proven = bool(_evidence(seen.leaves, None))
    elif all(one.leaves == other.leaves for one, other in (own, others)):
        is_proven = bool(_evidence(seen.leaves, others[0].leaves))
    else:
        return _by_names([_name(each, secret) for each in own], [_name(each, None) for each in others])
    if not is_proven:
        return Verdict(NOT_PROVEN, "probe_echo")
    names = {_name(each, secret) for each in own}
    return Verdict(ACCEPTED, "probe", names.pop() if len(names) == 1 else None)


def _by_names(own: list[str | None], others: list[str | None]) -> Verdict:
    """Return the verdict of answers that change by themselves: only a name that stays is a proof."""
    name, other = own[0], others[0]
    if name is None or own != [name, name] or others != [other, other]:
        return Verdict(NOT_PROVEN, "probe_changes")
    return Verdict(NOT_PROVEN, "probe_open") if name == other else Verdict(ACCEPTED, "probe", name)


def _name(seen: _Seen, secret: str | None) -> str | None:
    return None if seen.probe is None else identity_in(seen.probe, secret)


def _evidence(own: Leaves | None, others: Leaves | None) -> Leaves:
    """Return in what the answers differ, but for the places where one only repeats the token."""
    own, others = own or Leaves(), others or Leaves()
    echoes = echoes_in(own)
    differing = (own - others) + (others - own)
    return Leaves({leaf: count for leaf, count in differing.items() if leaf[0] not in echoes})


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
        if result.is_error:
            return _Seen(probe_failed=True)
        # Each for itself: a name of ours might be somebody's token.
        answer = {"content": redactor.json(blocks), "structured": redactor.json(result.structured_content)}
        return _Seen(answer)

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
