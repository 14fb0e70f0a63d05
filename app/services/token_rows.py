"""Token rows: the one statement that writes a saved token, in place of the one it may replace."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, literal, or_, true, update
from sqlalchemy.dialects import postgresql, sqlite

from app import clock
from app.extensions import db
from app.models import Token

#: Stands for id and revision of the token to be replaced where there was none. No row has it.
NOTHING: Final = (0, 0)


def write_token(
    user_id: int, server_id: int, columns: dict[str, Any], replaces: tuple[int, int] | None
) -> bool | None:
    """Write the row in one statement, so that saves at once never collide; return whether it is new.

    `replaces`: id and revision of the one token whose place it may take, `NOTHING` where there was none, None
    for whichever there is. The same token, saved by a second click meanwhile, is no other. Return None when
    something else is there, or nothing any more; then nothing was written. The caller commits.
    """
    now = clock.now()
    fresh = columns | {
        "updated_at": now,
        # Nothing that was known of the old token is true of the new one.
        "last_used_at": None,
        "unreadable_at": None,
        "held_at": None,
        "reminded_days": None,
        "renew_asked_at": None,
        "revision": Token.revision + 1,
    }
    mine = (Token.user_id == user_id, Token.mcp_server_id == server_id)
    may_replace = [] if replaces is None else [_is_one_of(replaces, columns["fingerprint"])]
    if replaces not in {None, NOTHING}:
        # Never an insert: what was deleted meanwhile stays deleted.
        change = update(Token).where(*mine, *may_replace).values(**fresh).returning(Token.revision)
        revision = db.session.execute(change).scalar_one_or_none()
    else:
        dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
        values = fresh | {"user_id": user_id, "mcp_server_id": server_id, "created_at": now, "revision": 1}
        upsert = dialect.insert(Token).values(**values)
        upsert = upsert.on_conflict_do_update(
            index_elements=["user_id", "mcp_server_id"], set_=fresh, where=and_(true(), *may_replace)
        )
        revision = db.session.execute(upsert.returning(Token.revision)).scalar_one_or_none()
    return None if revision is None else revision == 1


def _is_one_of(replaces: tuple[int, int], fingerprint: str | None) -> ColumnElement[bool]:
    """Whether the row is the one to be replaced, or holds the very token that is about to be written."""
    token_id, revision = replaces
    return or_(
        and_(Token.id == token_id, Token.revision == revision),
        and_(literal(fingerprint is not None), Token.fingerprint == fingerprint),
    )
