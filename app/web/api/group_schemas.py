"""Group schemas: the shape of what admins send and get of groups."""

from __future__ import annotations

from typing import Final

import marshmallow as ma
from marshmallow import fields

from app.services.group_list import PAGE_SIZE
from app.web.api.fields import Count, Flag, Id, Instant, Limit, Number, Text
from app.web.api.schemas import Schema

CURRENT_NAME: Final = "As GET gave it: then nothing is changed over what another admin changed."


class ListQuery(ma.Schema):
    """Which rows to list."""

    q = Text(load_default="", metadata={"description": "Part of a name or email address."})
    after = Text(load_default="", metadata={"description": "next of the page before."})
    limit = Limit(load_default=PAGE_SIZE)


class GroupDeletion(ma.Schema):
    """What goes with a group."""

    unavailable_tokens = Number(
        "How many tokens may be of no use to their owners any more: the number in the 409.", load_default=None
    )


class NewGroup(Schema):
    """A group to create."""

    name = Text(required=True, metadata={"description": "1 to 100 printable characters; no two alike."})


class GroupChange(Schema):
    """A group's new name."""

    name = Text(required=True, metadata={"description": "1 to 100 printable characters; no two alike."})
    current_name = Text(load_default=None, metadata={"description": CURRENT_NAME})


class Group(Schema):
    """A group of people."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    people = fields.Integer(required=True, metadata={"description": "How many are in it."})
    servers = fields.Integer(required=True, metadata={"description": "How many servers are there for it."})


class GroupPage(Schema):
    """Groups by name. `next` is the cursor of the next page; null on the last."""

    items = fields.List(fields.Nested(Group), required=True)
    next = fields.String(required=True, allow_none=True)


class GroupMember(Schema):
    """A person in a group."""

    id = fields.Integer(required=True)
    email = fields.String(required=True)
    is_active = fields.Boolean(required=True, metadata={"description": "false: cannot sign in."})


class GroupMemberPage(Schema):
    """A group's people by email. `next` is the cursor of the next page; null on the last."""

    items = fields.List(fields.Nested(GroupMember), required=True)
    next = fields.String(required=True, allow_none=True)


class GroupName(Schema):
    """A group by its id and name."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)


class ServerAudience(Schema):
    """For whom a server is there. Neither everyone nor a group: for nobody."""

    for_everyone = fields.Boolean(required=True)
    groups = fields.List(fields.Nested(GroupName), required=True)
    people = fields.Integer(required=True, metadata={"description": "How many hold a token for it."})
    updated_at = Instant(required=True)


class NewAudience(Schema):
    """For whom a server is to be there, whole: what is not named is taken away."""

    for_everyone = Flag(required=True)
    groups = fields.List(
        Id(unknown="unknown_group"),
        load_default=(),
        error_messages={"invalid": "ids", "null": "ids"},
        metadata={"description": "Ids of groups; none beside for_everyone."},
    )
    unavailable_tokens = Count(
        "From how many people who hold a token it may be taken away: the number in the 409."
    )
    updated_at = Instant(
        metadata={"description": "As GET gave it: then nothing is changed over what another admin changed."}
    )
