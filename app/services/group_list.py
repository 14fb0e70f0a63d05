"""Group list: the groups as admins see them, their people and their servers. Of tokens, numbers alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, tuple_

from app.errors import NotThereError
from app.extensions import db
from app.models import Group, GroupMember, Server, ServerGroup, User
from app.models.server import search_key
from app.services.server_places import like_pattern, read_cursor, write_cursor

PAGE_SIZE: Final = 50
MAX_ID: Final = 2**31 - 1


@dataclass(frozen=True)
class GroupName:
    """A group by its id and name."""

    id: int
    name: str


@dataclass(frozen=True)
class GroupRow:
    """One group. `people`: how many are in it; `servers`: how many name it."""

    id: int
    name: str
    people: int
    servers: int


@dataclass(frozen=True)
class Groups:
    """One page of groups, by name. `next`: the cursor of the page after it, None on the last."""

    rows: list[GroupRow]
    next: str | None


@dataclass(frozen=True)
class Member:
    """A person in a group."""

    id: int
    email: str
    is_active: bool


@dataclass(frozen=True)
class Members:
    """One page of a group's people, by e-mail. `next`: the cursor of the page after it, None on the last."""

    rows: list[Member]
    next: str | None


@dataclass(frozen=True)
class GroupServers:
    """One page of the servers that name a group, by name. `next`: as in `Members`."""

    rows: list[Server]
    next: str | None


def list_groups(query: str = "", after: str = "", limit: int = PAGE_SIZE) -> Groups:
    """Return a page of the groups whose name has the query in it.

    Raises InvalidInputError("after", "unknown").
    """
    statement = _groups().order_by(Group.name_key, Group.id).limit(limit + 1)
    if query:
        statement = statement.where(Group.name_key.like(like_pattern(query), escape="\\"))
    if after:
        statement = statement.where(tuple_(Group.name_key, Group.id) > read_cursor(after))
    found = db.session.execute(statement).all()
    rows = [_row(one) for one in found[:limit]]
    last = found[limit - 1] if len(found) > limit else None
    return Groups(rows, write_cursor(last.name_key, last.id) if last else None)


def get_group(group_id: int) -> GroupRow:
    """Return one group. Raises NotThereError."""
    row = db.session.execute(_groups().where(Group.id == group_id)).one_or_none()
    if row is None:
        raise NotThereError
    return _row(row)


def find_group(word: str) -> Group:
    """Return the group with this name, in whatever case, or else this id. Raises NotThereError."""
    key = " ".join(search_key(word).split())
    group = db.session.scalar(select(Group).where(Group.name_key == key)) if key.isprintable() else None
    if group is None and re.fullmatch("[0-9]{1,10}", word) and int(word) <= MAX_ID:
        group = db.session.get(Group, int(word))
    if group is None:
        raise NotThereError
    return group


def list_members(group_id: int, query: str = "", after: str = "", limit: int = PAGE_SIZE) -> Members:
    """Return a page of the group's people whose e-mail has the query in it; none for no such group."""
    statement = (
        select(User.id, User.email, User.is_active)
        .join(GroupMember, GroupMember.user_id == User.id)
        .where(GroupMember.group_id == group_id)
        .order_by(User.email)
        .limit(limit + 1)
    )
    # No e-mail address holds a NUL, and PostgreSQL takes none even to look for it.
    if query:
        statement = statement.where(User.email.contains(query.casefold().replace("\0", " "), autoescape=True))
    if after:
        statement = statement.where(User.email > after.replace("\0", " "))
    rows = [Member(*row) for row in db.session.execute(statement)]
    return Members(rows[:limit], rows[limit - 1].email if len(rows) > limit else None)


def list_group_servers(group_id: int, after: str = "", limit: int = PAGE_SIZE) -> GroupServers:
    """Return a page of the servers that name the group. Raises InvalidInputError("after", "unknown")."""
    statement = (
        select(Server)
        .join(ServerGroup, ServerGroup.mcp_server_id == Server.id)
        .where(ServerGroup.group_id == group_id)
        .order_by(Server.name_key, Server.id)
        .limit(limit + 1)
    )
    if after:
        statement = statement.where(tuple_(Server.name_key, Server.id) > read_cursor(after))
    rows = list(db.session.scalars(statement))
    last = rows[limit - 1] if len(rows) > limit else None
    return GroupServers(rows[:limit], write_cursor(last.name_key, last.id) if last else None)


def all_groups() -> list[GroupName]:
    """Return every group, by name."""
    statement = select(Group.id, Group.name).order_by(Group.name_key)
    return [GroupName(*row) for row in db.session.execute(statement)]


def groups_of(user_id: int) -> list[GroupName]:
    """Return the groups that a person belongs to, by name."""
    statement = (
        select(Group.id, Group.name)
        .join(GroupMember, GroupMember.group_id == Group.id)
        .where(GroupMember.user_id == user_id)
        .order_by(Group.name_key)
    )
    return [GroupName(*row) for row in db.session.execute(statement)]


def _groups() -> Any:
    people = select(func.count()).where(GroupMember.group_id == Group.id).scalar_subquery()
    servers = select(func.count()).where(ServerGroup.group_id == Group.id).scalar_subquery()
    return select(Group.id, Group.name, Group.name_key, people.label("people"), servers.label("servers"))


def _row(record: Any) -> GroupRow:
    return GroupRow(record.id, record.name, record.people, record.servers)
