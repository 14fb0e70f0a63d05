"""Groups: who belongs together, and may therefore use the servers that name their group.

Rows are locked in one order, so that nobody waits in a circle: people, groups, servers, memberships, tokens,
chains.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from app import clock
from app.errors import ChangedMeanwhileError, InvalidInputError, MarketError, NotThereError
from app.extensions import db
from app.models import Group, GroupMember, Server, User
from app.services.actors import Actor
from app.services.audit import Action, event_of, record
from app.services.group_names import read_group_name
from app.services.rights import keep_right
from app.services.row_locks import queue_writers
from app.services.rows_changed import rows_changed

#: Outcomes of `group.changed`.
CREATED: Final = "created"
RENAMED: Final = "renamed"
DELETED: Final = "deleted"
MEMBER_ADDED: Final = "member_added"
MEMBER_REMOVED: Final = "member_removed"
SERVER_ADDED: Final = "server_added"
SERVER_REMOVED: Final = "server_removed"


def create_group(name: str, actor: Actor) -> Group:
    """Create a group of nobody and return it. Commits; writes one audit row.

    Raises InvalidInputError for `name` (`app.services.group_names` has the reasons, and `group_name_taken`).
    """
    group = Group(name=read_group_name(name), created_at=clock.now())
    keep_right(actor)
    db.session.add(group)
    _flush_name()
    record_group(CREATED, group, actor)
    db.session.commit()
    return group


def rename_group(group_id: int, name: str, actor: Actor, *, seen: str | None = None) -> bool:
    """Give a group another name; return whether that changed anything. Commits; one audit row if it did.

    The event has the name there was. `seen`: the name that the admin had in sight, None: whatever there is.
    Raises NotThereError, ChangedMeanwhileError, and InvalidInputError as `create_group` does.
    """
    try:
        wanted = read_group_name(name)
        group = locked_group(group_id, actor)
        if wanted == group.name:
            db.session.rollback()
            return False
        if seen not in {None, group.name}:
            raise ChangedMeanwhileError
        before, group.name = group.name, wanted
        _flush_name()
        record_group(RENAMED, group, actor, name=before)
        db.session.commit()
    except MarketError:
        # Nobody else waits for this row while somebody reads what is wrong.
        db.session.rollback()
        raise
    return True


def add_member(group_id: int, user_id: int, actor: Actor) -> bool:
    """Put a person into a group; return whether that changed anything. Commits; one audit row if it did.

    Raises NotThereError for a group or a person that is not there.
    """
    keep_right(actor)
    group = _group(group_id)
    if db.session.get(User, user_id) is None:
        raise NotThereError
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    new = dialect.insert(GroupMember).values(group_id=group_id, user_id=user_id).on_conflict_do_nothing()
    try:
        added = db.session.execute(new.returning(GroupMember.user_id)).one_or_none() is not None
    except IntegrityError:
        # The group or the person went away meanwhile.
        db.session.rollback()
        raise NotThereError from None
    if added:
        record_group(MEMBER_ADDED, group, actor, subject_user_id=user_id)
    db.session.commit()
    return added


def remove_member(group_id: int, user_id: int, actor: Actor) -> bool:
    """Take a person out of a group; return whether they were in it. Commits; one audit row if they were.

    Their tokens stay. Raises NotThereError for a group or a person that is not there.
    """
    keep_right(actor)
    group = _group(group_id)
    if db.session.get(User, user_id) is None:
        raise NotThereError
    gone = delete(GroupMember).where(GroupMember.group_id == group_id, GroupMember.user_id == user_id)
    removed = bool(rows_changed(gone))
    if removed:
        record_group(MEMBER_REMOVED, group, actor, subject_user_id=user_id)
    db.session.commit()
    return removed


def locked_group(group_id: int, actor: Actor) -> Group:
    """Return the group as it is now; nobody else changes it until the transaction ends.

    Raises NotThereError, and what `keep_right` raises for the actor.
    """
    keep_right(actor)
    queue_writers(Group, group_id)
    group = db.session.scalar(
        select(Group).where(Group.id == group_id).with_for_update().execution_options(populate_existing=True)
    )
    if group is None:
        db.session.rollback()
        raise NotThereError
    return group


def record_group(
    outcome: str,
    group: Group,
    actor: Actor,
    *,
    name: str | None = None,
    subject_user_id: int | None = None,
    server: Server | None = None,
) -> None:
    """Add what happened to a group to the transaction, with its name as it was; the caller commits."""
    record(
        Action.GROUP_CHANGED,
        actor,
        outcome=outcome,
        subject_user_id=subject_user_id,
        server=server,
        details={"group": group.id, "group_name": name or group.name},
    )


def group_event(outcome: str, group: Group, actor: Actor, *, server: Server) -> dict[str, Any]:
    """Return the event of what happened between a group and a server, for `record_all`."""
    details: dict[str, str | int] = {"group": group.id, "group_name": group.name}
    return event_of(Action.GROUP_CHANGED, actor, outcome=outcome, server=server, details=details)


def _group(group_id: int) -> Group:
    group = db.session.get(Group, group_id, populate_existing=True)
    if group is None:
        raise NotThereError
    return group


def _flush_name() -> None:
    """Write the name. The unique index decides, so two admins at once cannot both have it."""
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise InvalidInputError("name", "group_name_taken") from None
