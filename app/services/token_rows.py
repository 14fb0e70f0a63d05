"""Token rows: the one statement that writes a saved token, in place of the one it may replace."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Executable, and_, bindparam, null, or_, update
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
    values = columns | {"its_user": user_id, "its_server": server_id, "created_at": now, "updated_at": now}
    names = tuple(sorted(columns))
    if replaces is not None:
        values |= {"replaced_id": replaces[0], "replaced_revision": replaces[1]}
    if replaces not in {None, NOTHING}:
        # Never an insert: what was deleted meanwhile stays deleted.
        statement = _change(names)
    else:
        statement = _upsert(db.engine.dialect.name, names, is_bound=replaces is not None)
    revision = db.session.connection().execute(statement, values).scalar_one_or_none()
    return None if revision is None else revision == 1


@cache
def _change(names: tuple[str, ...]) -> Executable:
    mine = (Token.user_id == bindparam("its_user"), Token.mcp_server_id == bindparam("its_server"))
    return update(Token).where(*mine, _may_replace()).values(**_fresh(names)).returning(Token.revision)


@cache
def _upsert(dialect_name: str, names: tuple[str, ...], *, is_bound: bool) -> Any:
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    fresh = _fresh(names)
    new = fresh | {
        "user_id": bindparam("its_user"),
        "mcp_server_id": bindparam("its_server"),
        "created_at": bindparam("created_at"),
        "revision": 1,
    }
    return (
        dialect.insert(Token)
        .values(**new)
        .on_conflict_do_update(
            index_elements=["user_id", "mcp_server_id"],
            set_=fresh,
            where=_may_replace() if is_bound else None,
        )
        .returning(Token.revision)
    )


def _fresh(names: tuple[str, ...]) -> dict[str, Any]:
    """Return what a save writes whether or not there was a token."""
    return {
        **{name: bindparam(name, type_=Token.__table__.c[name].type) for name in names},
        "updated_at": bindparam("updated_at", type_=Token.__table__.c.updated_at.type),
        # Nothing that was known of the old token is true of the new one.
        "last_used_at": null(),
        "unreadable_at": null(),
        "held_at": null(),
        "reminded_days": null(),
        "renew_asked_at": null(),
        "revision": Token.revision + 1,
    }


def _may_replace() -> ColumnElement[bool]:
    """Whether the row is the one to be replaced, or holds the very token that is about to be written.

    A fingerprint that is not known, NULL, equals none.
    """
    return or_(
        and_(Token.id == bindparam("replaced_id"), Token.revision == bindparam("replaced_revision")),
        Token.fingerprint == bindparam("fingerprint", type_=Token.__table__.c.fingerprint.type),
    )
