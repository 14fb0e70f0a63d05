"""Marks: what is remembered of a saved token from what came of using it. The callers commit.

Each is set on the token that was used, and never on one that took its place meanwhile. Each writes one audit
row where it says something new.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, exists, or_, update

from app import clock
from app.extensions import db
from app.mcp.checks import NOT_PROVEN, REJECTED, UNREACHABLE, Verdict
from app.models import Server, Token
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.rows_changed import rows_changed
from app.services.saved_tokens import SavedRow

#: What an unreachable server may take the place of: it says nothing about a token of which more is known.
_SAYS_NO_MORE: Final = (UNREACHABLE, NOT_PROVEN)
#: Fields of a server that say how a token is sent or checked: what was found by others is not known now.
SENT_BY: Final = frozenset(
    {"auth_header_name", "auth_value_format", "extra_headers", "transport", "probe_tool"}
)


def mark_rejected(saved: tuple[int, int], user_id: int, server: Server, actor: Actor) -> None:
    """Remember that the server refused the token; `saved`: id and revision of its row."""
    values = {"last_check_result": REJECTED, "last_check_reason": "refused", "last_check_at": clock.now()}
    if _mark(saved, values, Token.last_check_result.is_distinct_from(REJECTED), _is_same(server)):
        record(Action.TOKEN_REJECTED, actor, subject_user_id=user_id, server=server)


def mark_checked(
    saved: tuple[int, int], verdict: Verdict, user_id: int, server: Server, actor: Actor
) -> None:
    """Remember what a check found."""
    if verdict.result == REJECTED:
        mark_rejected(saved, user_id, server, actor)
    conditions: list[ColumnElement[bool]] = [_is_same(server)]
    if verdict.result == UNREACHABLE:
        known = Token.last_check_result
        conditions.append(or_(known.is_(None), known.in_(_SAYS_NO_MORE)))
    _mark(saved, check_columns(verdict), *conditions)


def mark_held(row: SavedRow, server: Server, actor: Actor) -> None:
    """Remember that a use met the token on hold."""
    if _mark((row.id, row.revision), {"held_at": clock.now()}, Token.held_at.is_(None)):
        record(Action.TOKEN_ON_HOLD, actor, subject_user_id=row.user_id, server=server)


def mark_unreadable(row: SavedRow, server: Server, actor: Actor) -> None:
    """Remember that the row could not be unsealed."""
    # Only the text that was tried: the row may have been repaired.
    same = (Token.token_encrypted == row.token_encrypted, Token.unreadable_at.is_(None))
    if _mark((row.id, row.revision), {"unreadable_at": clock.now()}, *same):
        record(Action.TOKEN_UNREADABLE, actor, subject_user_id=row.user_id, server=server)


def check_columns(verdict: Verdict | None) -> dict[str, Any]:
    """Return the columns that say what a check found; None: there was none since it was saved."""
    return {
        "last_check_result": verdict.result if verdict else None,
        "last_check_reason": verdict.reason if verdict else None,
        "last_check_at": clock.now() if verdict else None,
    }


def forget_checks(server_id: int) -> None:
    """Forget what was found of everyone's token for this server: it is asked in another way from now on."""
    known = (Token.mcp_server_id == server_id, Token.last_check_result.is_not(None))
    db.session.execute(update(Token).where(*known).values(**check_columns(None)))


def _is_same(server: Server) -> ColumnElement[bool]:
    """Whether the server is still asked in the way in which it was when this was read of it."""
    return exists().where(
        Server.id == server.id,
        Server.url == server.url,
        Server.transport == server.transport,
        Server.auth_header_name == server.auth_header_name,
        Server.auth_value_format == server.auth_value_format,
    )


def _mark(saved: tuple[int, int], values: dict[str, Any], *conditions: ColumnElement[bool]) -> bool:
    token_id, revision = saved
    statement = update(Token).where(Token.id == token_id, Token.revision == revision, *conditions)
    return bool(rows_changed(statement.values(**values)))
