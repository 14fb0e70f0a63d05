"""Availability: which servers are there for whom. Whatever names one to a person asks here.

A server is there for everyone, or for the people of the groups that it names. Whoever may not use it meets it
nowhere, but for its name beside a token that they still hold for it, so that they can delete that.
Admins are people too: the catalogue that they keep is another thing than the servers that they may use.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, or_, select

from app.errors import NotThereError
from app.extensions import db
from app.models import GroupMember, Server, ServerGroup
from app.services.row_locks import queue_writers

#: For whom a server is, as outcomes of `server.changed` say it.
FOR_EVERYONE: Final = "for_everyone"
FOR_GROUPS: Final = "for_groups"
FOR_NOBODY: Final = "for_nobody"


def available_to(user_id: Any) -> ColumnElement[bool]:
    """Return SQL for whether the `Server` of the statement is there for this person, enabled or not.

    `user_id`: an id, or the column that has it.
    """
    through_a_group = _memberships(user_id, Server.id).correlate_except(GroupMember, ServerGroup).exists()
    return or_(Server.for_everyone, through_a_group)


def server_for(user_id: int, server_id: int) -> Server:
    """Return the server as it is now. Raises NotThereError for one that this person may not use now.

    That is one that is not there at all, disabled, or not available to them.
    """
    server = db.session.scalar(_available_server(), {"user_id": user_id, "server_id": server_id})
    if server is None:
        raise NotThereError
    return server


def hold_server_for(user_id: int, server_id: int) -> Server:
    """Return the server as `server_for` does; until the transaction ends, nobody changes it or takes it away.

    Whoever does waits, so a use that is recorded in this transaction came before, and none comes after.
    Raises NotThereError.
    """
    queue_writers(Server, server_id)
    # Row by row, in this order: a condition over several tables would judge some of them as they were before
    # the wait for the first.
    server = db.session.scalar(_held_server(), {"server_id": server_id})
    if server is None or not (server.for_everyone or _held_memberships(user_id, server_id)):
        raise NotThereError
    return server


@cache
def _available_server() -> Select[Server]:
    enabled = select(Server).where(Server.id == bindparam("server_id"), Server.is_enabled)
    # Objects outlive their transaction here, and the address may be another one by now.
    return enabled.where(available_to(bindparam("user_id"))).execution_options(populate_existing=True)


@cache
def _held_server() -> Select[Server]:
    enabled = select(Server).where(Server.id == bindparam("server_id"), Server.is_enabled)
    return enabled.with_for_update(read=True).execution_options(populate_existing=True)


def _held_memberships(user_id: int, server_id: int) -> bool:
    rows = _memberships(user_id, server_id).with_for_update(read=True, of=GroupMember)
    return bool(db.session.scalars(rows).all())


def _memberships(user_id: Any, server_id: Any) -> Select[Any]:
    """Return the groups through which the server is there for the person."""
    return (
        select(GroupMember.group_id)
        .join(ServerGroup, ServerGroup.group_id == GroupMember.group_id)
        .where(GroupMember.user_id == user_id, ServerGroup.mcp_server_id == server_id)
    )
