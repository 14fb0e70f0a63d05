"""A group of people, and the servers that are there for its people alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, String, event
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.server import search_key
from app.models.types import UtcDateTime, sort_key

MAX_GROUP_NAME_CHARS: Final = 100
MAX_NAME_KEY_CHARS: Final = 200


class Group(Model):
    """Some people. Deleting it deletes nobody; servers that named it alone are then there for nobody."""

    __tablename__ = "groups"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_GROUP_NAME_CHARS))
    #: `name`, NFKC and case-folded: unique, so that two names that read alike are one; the order of lists.
    name_key: Mapped[str] = mapped_column(sort_key(MAX_NAME_KEY_CHARS), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GroupMember(Model):
    """A person in a group."""

    __tablename__ = "group_members"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class ServerGroup(Model):
    """A group for which a server is there, while that server is not for everyone."""

    __tablename__ = "server_groups"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    mcp_server_id: Mapped[int] = mapped_column(
        ForeignKey("mcp_servers.id", ondelete="CASCADE"), primary_key=True, index=True
    )


@event.listens_for(Group, "before_insert")
@event.listens_for(Group, "before_update")
def set_name_key(_mapper: Any, _connection: Any, group: Group) -> None:
    """Derive what is unique and sorted by, whoever writes the row."""
    group.name_key = search_key(group.name)[:MAX_NAME_KEY_CHARS]
