"""Offboarding: what goes when a person does, where else their tokens live on, and deleting them.

Contacts nobody: it works when every server is down. Nothing of a token is read, its hint neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select

from app import clock
from app.extensions import db
from app.models import GroupMember, LoginSession, Server, Token, User
from app.services.actors import Actor
from app.services.admins import keep_an_admin
from app.services.audit import Action, record
from app.services.person_lock import lock_person
from app.services.token_status import status_expression


@dataclass(frozen=True)
class HeldToken:
    """That a person holds a token for a server; of the token nothing but its state."""

    server_id: int
    server: str
    #: Host and port of the server's address.
    host: str
    is_enabled: bool
    #: One of `token_status.STATUSES`.
    status: str
    #: As the catalogue has it: where the provider keeps its tokens. None: nobody has said.
    token_help_url: str | None


@dataclass(frozen=True)
class Leaving:
    """What goes with a person. `tokens`: by server; they stay valid at their providers."""

    tokens: list[HeldToken]
    sessions: int
    groups: int


def what_leaves(user_id: int) -> Leaving:
    """Return what goes when this person is deleted. Only reads, three times."""
    return Leaving(
        held_tokens(user_id),
        _count(LoginSession, LoginSession.user_id == user_id),
        _count(GroupMember, GroupMember.user_id == user_id),
    )


def held_tokens(user_id: int) -> list[HeldToken]:
    """Return the servers for which a person holds a token, disabled ones too, by name."""
    statement = (
        select(Server, status_expression(clock.now()))
        .join(Token, Token.mcp_server_id == Server.id)
        .where(Token.user_id == user_id)
        .order_by(Server.name_key, Server.id)
    )
    return [
        HeldToken(server.id, server.name, server.host, server.is_enabled, status, server.token_help_url)
        for server, status in db.session.execute(statement)
    ]


def delete_person(user_id: int, actor: Actor) -> Leaving:
    """Delete a person with everything that is theirs, and return what that was. Commits; one audit row.

    Their events stay. Raises NotThereError, LastAdminError.
    """
    leaving = remove_person(user_id, actor)
    db.session.commit()
    return leaving


def remove_person(user_id: int, actor: Actor) -> Leaving:
    """Delete a person, unless nobody else administers; the caller commits. See `delete_person`."""
    keep_an_admin(user_id, actor)
    # Else a token that is saved at this moment would go without being told of.
    lock_person(user_id, actor, for_deletion=True)
    leaving = what_leaves(user_id)
    db.session.execute(delete(User).where(User.id == user_id))
    details = {"deleted_tokens": len(leaving.tokens)}
    record(Action.ACCOUNT_DELETED, actor, subject_user_id=user_id, details=details)
    return leaving


def _count(table: type[LoginSession | GroupMember], of: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(table).where(of)) or 0
