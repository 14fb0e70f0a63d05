"""Admin groups: who belongs together, and for whom a server is there, by JSON, for admins alone."""

from __future__ import annotations

from typing import Any

from flask import Response

from app.services import group_delete, group_list, groups, servers
from app.services.server_groups import Audience, groups_of_server, set_audience
from app.web import current
from app.web.access import admins_only
from app.web.api.blueprint import Blueprint, no_content
from app.web.api.group_schemas import (
    Group,
    GroupChange,
    GroupDeletion,
    GroupMemberPage,
    GroupPage,
    ListQuery,
    NewAudience,
    NewGroup,
    ServerAudience,
)

admin_groups = Blueprint("api_admin_groups", __name__, path="/admin", description="Groups, for admins")
admin_groups.before_request(admins_only)


@admin_groups.get("/groups")
@admin_groups.arguments(ListQuery, location="query")
@admin_groups.response(200, GroupPage)
@admin_groups.problems(404)
def list_groups(query: dict[str, Any]) -> dict[str, Any]:
    """List the groups by name."""
    return _page(group_list.list_groups(query["q"].strip(), query["after"], query["limit"]))


@admin_groups.post("/groups")
@admin_groups.arguments(NewGroup)
@admin_groups.response(201, Group)
@admin_groups.problems(404)
def create_group(body: dict[str, Any]) -> group_list.GroupRow:
    """Create a group of nobody."""
    return group_list.get_group(groups.create_group(body["name"], current.actor()).id)


@admin_groups.get("/groups/<int:group_id>")
@admin_groups.response(200, Group)
@admin_groups.problems(404)
def show_group(group_id: int) -> group_list.GroupRow:
    """Say what there is of this group."""
    return group_list.get_group(group_id)


@admin_groups.patch("/groups/<int:group_id>")
@admin_groups.arguments(GroupChange)
@admin_groups.response(200, Group)
@admin_groups.problems(404, 409)
def rename_group(body: dict[str, Any], group_id: int) -> group_list.GroupRow:
    """Give this group another name."""
    groups.rename_group(group_id, body["name"], current.actor(), seen=body["current_name"])
    return group_list.get_group(group_id)


@admin_groups.delete("/groups/<int:group_id>")
@admin_groups.arguments(GroupDeletion, location="query")
@admin_groups.response(204)
@admin_groups.problems(404, 409)
def delete_group(query: dict[str, Any], group_id: int) -> Response:
    """Delete this group, and no person and no server.

    Servers that are there for it alone are then there for nobody; tokens stay, and are not sent. Where their
    owners could not use tokens any more, and unavailable_tokens is not the number of these, the answer is 409
    tokens_would_be_unavailable with the number, and nothing has changed.
    """
    group_delete.delete_group(group_id, current.actor(), unavailable_tokens=query["unavailable_tokens"])
    return no_content()


@admin_groups.get("/groups/<int:group_id>/members")
@admin_groups.arguments(ListQuery, location="query")
@admin_groups.response(200, GroupMemberPage)
@admin_groups.problems(404)
def list_members(query: dict[str, Any], group_id: int) -> dict[str, Any]:
    """List the people of this group by email."""
    group_list.get_group(group_id)
    return _page(group_list.list_members(group_id, query["q"].strip(), query["after"], query["limit"]))


@admin_groups.put("/groups/<int:group_id>/members/<int:user_id>")
@admin_groups.response(204)
@admin_groups.problems(404)
def add_member(group_id: int, user_id: int) -> Response:
    """Put a person into this group; they may be in it already."""
    groups.add_member(group_id, user_id, current.actor())
    return no_content()


@admin_groups.delete("/groups/<int:group_id>/members/<int:user_id>")
@admin_groups.response(204)
@admin_groups.problems(404)
def remove_member(group_id: int, user_id: int) -> Response:
    """Take a person out of this group, if they are in it. Their tokens stay."""
    groups.remove_member(group_id, user_id, current.actor())
    return no_content()


@admin_groups.get("/servers/<int:server_id>/groups")
@admin_groups.response(200, ServerAudience)
@admin_groups.problems(404)
def show_audience(server_id: int) -> dict[str, Any]:
    """Say for whom this server is there."""
    return _audience(server_id)


@admin_groups.put("/servers/<int:server_id>/groups")
@admin_groups.arguments(NewAudience)
@admin_groups.response(200, ServerAudience)
@admin_groups.problems(404, 409)
def set_server_audience(body: dict[str, Any], server_id: int) -> dict[str, Any]:
    """Let this server be there for everyone, or for the people of these groups alone.

    Where that takes it away from people who hold a token for it, and unavailable_tokens is not their number,
    the answer is 409 tokens_would_be_unavailable with the number, and nothing has changed.
    """
    set_audience(
        server_id,
        Audience(body["for_everyone"], frozenset(body["groups"])),
        current.actor(),
        unavailable_tokens=body.get("unavailable_tokens"),
        seen=body.get("updated_at"),
    )
    return _audience(server_id)


def _audience(server_id: int) -> dict[str, Any]:
    server = servers.get_server(server_id)
    return {
        "for_everyone": server.for_everyone,
        "groups": groups_of_server(server_id),
        "people": servers.count_tokens(server),
        "updated_at": server.updated_at,
    }


def _page(page: group_list.Groups | group_list.Members) -> dict[str, Any]:
    return {"items": page.rows, "next": page.next}
