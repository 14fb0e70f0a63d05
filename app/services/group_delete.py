"""Group delete: first its servers are taken away, in one piece and with consent; then its people go, and it.

Nobody takes a server away from people who hold a token for it unaware: whoever deletes a group has to name
the very number of tokens, as with a new audience (`app.services.server_groups`).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, select

from app import clock
from app.errors import TokensWouldBeUnavailableError
from app.extensions import db
from app.models import Group, GroupMember, Server, ServerGroup
from app.services.actors import Actor
from app.services.audit import Action, event_of, record_all
from app.services.availability import FOR_GROUPS, FOR_NOBODY
from app.services.groups import (
    DELETED,
    MEMBER_REMOVED,
    SERVER_REMOVED,
    group_event,
    locked_group,
    record_group,
)
from app.services.server_groups import losses_of_group

#: People who are taken out of a group in one transaction.
BATCH_SIZE: Final = 100


def delete_group(group_id: int, actor: Actor, *, unavailable_tokens: int | None) -> int:
    """Delete a group, and no person and no server; return how many people it had.

    Commits once its servers name it no longer, then once for each `BATCH_SIZE` of its people, so that nobody
    else waits long, and at the end; killed in between, the group is there with fewer people and no servers.
    Writes two audit rows for each of its servers, as `set_audience` does, one for each person, and one for
    the group. Servers that named it alone are then there for nobody. `unavailable_tokens`: how many tokens
    their owners may not use any more, None: they were not asked.

    Raises NotThereError, and TokensWouldBeUnavailableError unless it is exactly so many. Whatever it raises
    at first, nothing has changed.
    """
    count = 0
    while True:
        group = locked_group(group_id, actor)
        # In a transaction of its own: its events are in the ledger before others' memberships are locked.
        if _take_servers_away(group, actor, unavailable_tokens):
            db.session.commit()
            continue
        people = _take_out_some(group, actor)
        count += people
        if people < BATCH_SIZE:
            break
        db.session.commit()
    db.session.execute(delete(Group).where(Group.id == group_id))
    record_group(DELETED, group, actor)
    db.session.commit()
    return count


def _take_servers_away(group: Group, actor: Actor, unavailable_tokens: int | None) -> bool:
    """Let no server name the locked group; return whether one did. The caller commits.

    Raises TokensWouldBeUnavailableError.
    """
    named = (
        select(Server)
        .join(ServerGroup, ServerGroup.mcp_server_id == Server.id)
        .where(ServerGroup.group_id == group.id)
        .order_by(Server.id)
        .with_for_update(of=Server)
        .execution_options(populate_existing=True)
    )
    servers = list(db.session.scalars(named))
    lost = sum(loss.tokens for loss in losses_of_group(group.id))
    if lost and lost != unavailable_tokens:
        db.session.rollback()
        raise TokensWouldBeUnavailableError(lost)
    db.session.execute(delete(ServerGroup).where(ServerGroup.group_id == group.id))
    ids = select(ServerGroup.mcp_server_id).distinct()
    still = set(db.session.scalars(ids))
    events = []
    for server in servers:
        server.updated_at = clock.now()
        outcome = FOR_GROUPS if server.id in still else FOR_NOBODY
        events.append(event_of(Action.SERVER_CHANGED, actor, outcome=outcome, server=server))
        events.append(group_event(SERVER_REMOVED, group, actor, server=server))
    record_all(events)
    return bool(servers)


def _take_out_some(group: Group, actor: Actor) -> int:
    """Take up to `BATCH_SIZE` people out of the group and return how many; the caller commits."""
    some = (
        select(GroupMember.user_id)
        .where(GroupMember.group_id == group.id)
        .order_by(GroupMember.user_id)
        .limit(BATCH_SIZE)
    )
    gone = delete(GroupMember).where(GroupMember.group_id == group.id, GroupMember.user_id.in_(some))
    people = sorted(db.session.scalars(gone.returning(GroupMember.user_id)))
    for user_id in people:
        record_group(MEMBER_REMOVED, group, actor, subject_user_id=user_id)
    return len(people)
