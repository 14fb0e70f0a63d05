"""Server delete: whose tokens go with a server, and deleting it.

Nobody deletes other people's tokens unaware: whoever deletes a server has to name the very number of tokens
that go. Each owner reads in their own activity that theirs went; the ledger keeps what was before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, delete, func, select

from app import clock
from app.errors import MarketError, TokensWouldBeDeletedError
from app.extensions import db
from app.models import Server, Token, User
from app.services.actors import Actor
from app.services.audit import Action, record, record_for_each
from app.services.servers import lock_server
from app.services.token_status import STATUSES, status_expression

PAGE_SIZE: Final = 50
#: How the deletion of a token says that it went with its server.
WITH_SERVER: Final = "server_deleted"


@dataclass(frozen=True)
class Owner:
    """One person who holds a token for the server. `status`: the token's, a word of `token_status`."""

    user_id: int
    email: str
    status: str


@dataclass(frozen=True)
class Owners:
    """Whose tokens go: one page of people by e-mail, and the number of all of them.

    `states`: status → people, in the order of `token_status.STATUSES`, those that nobody's token has left
    out. `next`: the cursor of the page after it, None on the last.
    """

    rows: list[Owner]
    states: dict[str, int]
    next: str | None

    @property
    def people(self) -> int:
        """How many there are."""
        return sum(self.states.values())


def list_owners(server_id: int, after: str = "", limit: int = PAGE_SIZE) -> Owners:
    """Return a page of the people who hold a token for the server. `after`: the last e-mail before it."""
    status = status_expression(clock.now()).label("status")
    counted = db.session.execute(_tokens_of(server_id, status, func.count()).group_by(status)).all()
    numbers = {row[0]: row[1] for row in counted}
    statement = _tokens_of(server_id, User.id, User.email, status).join(User, User.id == Token.user_id)
    statement = statement.order_by(User.email).limit(limit + 1)
    if after:
        # No e-mail address holds a NUL, and PostgreSQL takes none even to look for it.
        statement = statement.where(User.email > after.replace("\0", " "))
    rows = [Owner(*row) for row in db.session.execute(statement)]
    states = {word: numbers[word] for word in STATUSES if word in numbers}
    return Owners(rows[:limit], states, rows[limit - 1].email if len(rows) > limit else None)


def delete_server(server_id: int, *, deleted_tokens: int | None, actor: Actor) -> int:
    """Delete a server and everyone's token for it; return how many. Commits.

    Writes one audit row for the server and one for each owner, in their chain. `deleted_tokens`: how many
    the admin lets go, None: they were not asked. Raises NotThereError, and TokensWouldBeDeletedError unless
    exactly so many go. Whatever it raises, nothing has changed.
    """
    try:
        server = lock_server(server_id, actor)
        gone = delete(Token).where(Token.mcp_server_id == server_id).returning(Token.user_id)
        owners = list(db.session.scalars(gone.execution_options(synchronize_session=False)))
        # Counted by what is gone, so that what was said and what is done cannot differ.
        if owners and len(owners) != deleted_tokens:
            raise TokensWouldBeDeletedError(len(owners))
        # Chains are locked last: before them, all that goes with the server.
        db.session.delete(server)
        db.session.flush()
        record_for_each(Action.TOKEN_DELETED, actor, owners, outcome=WITH_SERVER, server=server)
        record(Action.SERVER_DELETED, actor, server=server, details={"deleted_tokens": len(owners)})
        db.session.commit()
    except MarketError:
        # Nobody else waits for these rows while somebody reads what would go.
        db.session.rollback()
        raise
    return len(owners)


def _tokens_of(server_id: int, *columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(Token)
        .join(Server, Server.id == Token.mcp_server_id)
        .where(Token.mcp_server_id == server_id)
    )
