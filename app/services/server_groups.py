"""Server groups: for whom a server is there, as admins decide it, and whom that concerns who holds a token.

Whoever takes a server away from people who hold a token for it has to name their very number, as with a new
address (`app.services.server_change`): nobody does so unaware.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, false, func, insert, not_, or_, select, true

from app import clock
from app.errors import (
    ChangedMeanwhileError,
    InvalidInputError,
    MarketError,
    TokensWouldBeUnavailableError,
)
from app.extensions import db
from app.models import Group, GroupMember, Server, ServerGroup, Token
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.availability import FOR_EVERYONE, FOR_GROUPS, FOR_NOBODY, available_to
from app.services.group_list import GroupName
from app.services.groups import SERVER_ADDED, SERVER_REMOVED, record_group
from app.services.rights import keep_right
from app.services.row_locks import queue_writers
from app.services.servers import lock_server


@dataclass(frozen=True)
class Audience:
    """For whom a server is there: everyone, or the people of some groups; with none of them, nobody."""

    for_everyone: bool
    group_ids: frozenset[int] = frozenset()

    @property
    def outcome(self) -> str:
        """Return the word of the ledger for it."""
        return FOR_EVERYONE if self.for_everyone else FOR_GROUPS if self.group_ids else FOR_NOBODY


EVERYONE: Final = Audience(True)


def groups_of_server(server_id: int) -> list[GroupName]:
    """Return the groups that the server names, by name."""
    statement = (
        select(Group.id, Group.name)
        .join(ServerGroup, ServerGroup.group_id == Group.id)
        .where(ServerGroup.mcp_server_id == server_id)
        .order_by(Group.name_key)
    )
    return [GroupName(*row) for row in db.session.execute(statement)]


def audience_of(server: Server) -> Audience:
    """Return for whom a server is there."""
    return Audience(server.for_everyone, frozenset(one.id for one in groups_of_server(server.id)))


def set_audience(
    server_id: int,
    wanted: Audience,
    actor: Actor,
    *,
    unavailable_tokens: int | None,
    seen: datetime | None = None,
) -> bool:
    """Let a server be there for these people alone; return whether that changed anything. Commits if it did.

    Writes an audit row for the server, and one for each group that it names now and did not, or the other way
    round. Tokens stay, and are not sent while their owners may not use the server. `unavailable_tokens`: of
    how many people who may use the server and hold a token the admin takes it away, None: they were not
    asked. `seen`: the `updated_at` of the server they had in sight, None: whatever is there is to be changed.

    Raises NotThereError, InvalidInputError("groups", …) (`unknown_group`, `everyone_or_groups`),
    ChangedMeanwhileError, and TokensWouldBeUnavailableError unless it is exactly so many. Whatever it raises,
    nothing has changed.
    """
    try:
        keep_right(actor)
        groups = _locked_groups(server_id, wanted)
        server = lock_server(server_id, actor)
        present = audience_of(server)
        if present.group_ids - {group.id for group in groups}:
            # Somebody was faster between the locks, with a group that is not locked, and would have no event.
            raise ChangedMeanwhileError
        if wanted == present:
            db.session.rollback()
            return False
        if seen not in {None, server.updated_at}:
            raise ChangedMeanwhileError
        lost = count_unavailable_tokens(server_id, wanted)
        if lost and lost != unavailable_tokens:
            raise TokensWouldBeUnavailableError(lost)
        _apply(server, present, wanted)
        record(Action.SERVER_CHANGED, actor, outcome=wanted.outcome, server=server)
        for group in groups:
            if group.id in wanted.group_ids - present.group_ids:
                record_group(SERVER_ADDED, group, actor, server=server)
            elif group.id in present.group_ids - wanted.group_ids:
                record_group(SERVER_REMOVED, group, actor, server=server)
        db.session.commit()
    except MarketError:
        # Nobody else waits for these rows while somebody reads what is wrong.
        db.session.rollback()
        raise
    return True


def count_unavailable_tokens(server_id: int, wanted: Audience) -> int:
    """Return how many people hold a token for a server that they may use now, and then could not."""
    statement = (
        select(func.count())
        .select_from(Token)
        .join(Server, Server.id == Token.mcp_server_id)
        .where(Server.id == server_id, available_to(Token.user_id))
        .where(not_(_is_in_audience(Token.user_id, wanted)))
    )
    return db.session.scalar(statement) or 0


@dataclass(frozen=True)
class Loss:
    """A server that people of a group can use through no other group. `tokens`: how many of them hold one."""

    server_id: int
    name: str
    people: int
    tokens: int


def losses_of_group(group_id: int) -> list[Loss]:
    """Return what would become unavailable, and to how many people, if the group were deleted; by name."""
    other, theirs = ServerGroup.__table__.alias(), GroupMember.__table__.alias()
    otherwise = (
        select(theirs.c.user_id)
        .select_from(theirs.join(other, other.c.group_id == theirs.c.group_id))
        .where(theirs.c.user_id == GroupMember.user_id, other.c.mcp_server_id == Server.id)
        .where(theirs.c.group_id != group_id)
        .correlate(GroupMember, Server)
        .exists()
    )
    statement = (
        select(Server.id, Server.name, func.count(), func.count(Token.id))
        .join(ServerGroup, and_(ServerGroup.mcp_server_id == Server.id, ServerGroup.group_id == group_id))
        .join(GroupMember, GroupMember.group_id == group_id)
        .outerjoin(Token, and_(Token.mcp_server_id == Server.id, Token.user_id == GroupMember.user_id))
        .where(not_(Server.for_everyone), not_(otherwise))
        .group_by(Server.id, Server.name, Server.name_key)
        .order_by(Server.name_key, Server.id)
    )
    return [Loss(*row) for row in db.session.execute(statement)]


def _is_in_audience(user_id: Any, wanted: Audience) -> ColumnElement[bool]:
    in_a_group = select(GroupMember.user_id).where(GroupMember.group_id.in_(wanted.group_ids))
    return or_(true() if wanted.for_everyone else false(), user_id.in_(in_a_group))


def _locked_groups(server_id: int, wanted: Audience) -> list[Group]:
    """Return the groups that are named or were, by id; nobody deletes one until the transaction ends.

    Raises InvalidInputError("groups", …).
    """
    if wanted.for_everyone and wanted.group_ids:
        raise InvalidInputError("groups", "everyone_or_groups")
    queue_writers(Server, server_id)
    ids = wanted.group_ids | {one.id for one in groups_of_server(server_id)}
    groups = list(
        db.session.scalars(
            select(Group)
            .where(Group.id.in_(ids))
            .order_by(Group.id)
            .with_for_update(read=True)
            .execution_options(populate_existing=True)
        )
    )
    if wanted.group_ids - {group.id for group in groups}:
        raise InvalidInputError("groups", "unknown_group")
    return groups


def _apply(server: Server, present: Audience, wanted: Audience) -> None:
    server.for_everyone = wanted.for_everyone
    server.updated_at = clock.now()
    gone = present.group_ids - wanted.group_ids
    db.session.execute(
        delete(ServerGroup).where(ServerGroup.mcp_server_id == server.id, ServerGroup.group_id.in_(gone))
    )
    new = sorted(wanted.group_ids - present.group_ids)
    if new:
        db.session.execute(insert(ServerGroup), list(_rows(server.id, new)))


def _rows(server_id: int, group_ids: Iterable[int]) -> Iterable[dict[str, int]]:
    return ({"mcp_server_id": server_id, "group_id": group_id} for group_id in group_ids)
