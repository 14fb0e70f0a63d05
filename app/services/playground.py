"""Playground: list a server's tools and call one, with the token typed for it or else the saved one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from app import metrics
from app.errors import (
    LedgerClosedError,
    MarketError,
    TokenRejectedError,
    TokenRequiredError,
    UpstreamRefusedError,
)
from app.extensions import db
from app.mcp import client
from app.mcp.call_code import Way
from app.mcp.client import Tool, ToolResult
from app.models import User
from app.services.tool_names import recorded_name
from app.services.uses import NO_TOKEN, Door, TokenSource, Typed, Use, begin_use, end_use

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Listed:
    """A server's tools, which token it took to see them, and how a program of one's own would get there."""

    token_source: TokenSource
    tools: list[Tool]
    way: Way


@dataclass(frozen=True)
class Call:
    """What is to be called. `is_listed`: the server itself named this tool just now."""

    tool: str
    arguments: Mapping[str, Any] = field(repr=False)
    is_listed: bool = False


@dataclass(frozen=True)
class Called:
    """What a tool answered. `result.content` is the server's word: escape it, cap it, trust none of it."""

    token_source: TokenSource
    result: ToolResult
    milliseconds: int


def list_tools(user: User, server_id: int, typed: Typed | None, *, door: Door) -> Listed:
    """Return the server's tools. Waits for the server, with no transaction open.

    Raises BusyError, what `begin_use` raises, TokenRejectedError, UpstreamError, UpstreamTimeoutError.
    """
    # The slot first: a use that finds none was never begun.
    with door.slots.take(user.id):
        use = begin_use(user, server_id, typed, "list_tools", door)
        versions: list[str] = []
        tools, _ = _send(
            use, lambda: client.list_tools(use.remote, door.egress, note_version=versions.append), door
        )
    return Listed(use.token_source, tools, _way(use, versions))


def call_tool(user: User, server_id: int, call: Call, typed: Typed | None, *, door: Door) -> Called:
    """Call a tool and return its answer. Waits for the server.

    A tool that failed is an answer with `is_error`. Raises what `list_tools` raises.
    """
    with door.slots.take(user.id):
        use = begin_use(user, server_id, typed, "call_tool", door)
        result, milliseconds = _send(
            use,
            lambda: client.call_tool(use.remote, door.egress, call.tool, call.arguments),
            door,
            call,
        )
    return Called(use.token_source, result, milliseconds)


def _way(use: Use, versions: list[str]) -> Way:
    """Return the way to the server, without the token."""
    return Way(
        use.without.address,
        use.without.transport,
        use.without.headers,
        None if use.token_source == NO_TOKEN else use.header,
        versions[0] if versions else "",
    )


def _send(use: Use, act: Callable[[], Answer], door: Door, call: Call | None = None) -> tuple[Answer, int]:
    """Do what the use is for and record how it ended; returns the answer and milliseconds."""
    started = time.monotonic()
    outcome = "failed"
    try:
        answer = act()
        outcome = "error" if isinstance(answer, ToolResult) and answer.is_error else "ok"
    except UpstreamRefusedError:
        outcome = "rejected"
        raise _meaning_of_refusal(use) from None
    except MarketError as error:
        outcome = error.code
        raise
    finally:
        milliseconds = round((time.monotonic() - started) * 1000)
        metrics.count_call(use.purpose, outcome)
        tool = (
            recorded_name(call.tool, use.remote.secret, call.is_listed or outcome == "ok") if call else None
        )
        _record_end(use, outcome, milliseconds, door, tool)
    return answer, milliseconds


def _record_end(use: Use, outcome: str, milliseconds: int, door: Door, tool: str | None) -> None:
    """Record how a use ended, as far as the database is there: the tool ran, and its answer counts.

    An error here would make people run it twice. That the token was sent was recorded before it left.
    """
    try:
        end_use(use, outcome, milliseconds, door, tool)
    except (LedgerClosedError, SQLAlchemyError) as error:
        logger.error("The end of a use was not recorded.", extra={"reason": type(error).__name__})
        db.session.remove()


def _meaning_of_refusal(use: Use) -> MarketError:
    if use.token_source == NO_TOKEN:
        return TokenRequiredError(use.server.id)
    return TokenRejectedError(use.token_source)
