"""Admin server schemas: the catalogue's bodies and answers. None has a place for a token, or for its hint."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from app.mcp.trial import ERAS, OUTCOMES, STEPS
from app.services.server_fields import TRANSPORTS
from app.services.server_list import PAGE_SIZE
from app.web.api.fields import Count, Flag, Instant, JsonObject, Limit, Number, Text
from app.web.api.schemas import Schema


class CatalogueQuery(ma.Schema):
    """Which servers of the catalogue to list."""

    q = Text(load_default="", metadata={"description": "Part of a name, slug or host."})
    after = Text(load_default="", metadata={"description": "next of the page before."})
    limit = Limit(load_default=PAGE_SIZE)


class Deletion(ma.Schema):
    """What goes with a server."""

    deleted_tokens = Number("How many people's tokens may go: the number in the 409.", load_default=None)


class ServerFacts(Schema):
    """What admins may say of a server."""

    name = Text()
    description = Text()
    url = Text(metadata={"description": "In full. Another one puts the tokens saved for it on hold."})
    transport = Text(validate=validate.OneOf(TRANSPORTS, error="unknown"))
    auth_header_name = Text(metadata={"description": "The header that carries the token."})
    auth_value_format = Text(metadata={"description": "Its value, with {token} once."})
    token_required = Flag(metadata={"description": "false: it may be used without one."})
    extra_headers = JsonObject(
        keys=fields.String(),
        values=Text(),
        metadata={"description": "Further headers, name to value; never secret. They take the place of all."},
    )
    token_help = Text(allow_none=True)
    token_help_url = Text(allow_none=True)
    token_placeholder = Text(allow_none=True)
    probe_tool = Text(
        allow_none=True,
        metadata={"description": "A read-only tool that only works with a token; checks call it."},
    )
    enabled = Flag(metadata={"description": "false: nobody may use it; tokens saved for it stay."})


class NewServer(ServerFacts):
    """A server to add. Without auth_value_format it is Bearer {token} for Authorization, else {token}."""

    name = Text(required=True)
    url = Text(required=True, metadata={"description": "In full, with https://."})
    for_everyone = Flag(
        load_default=True,
        metadata={"description": "false: for nobody until PUT …/groups names groups. Absent: true."},
    )


class ServerChange(ServerFacts):
    """What to change of a server: only what is named here changes."""

    held_tokens = Count("How many tokens another address may put on hold: the number in the 409.")
    updated_at = Instant(
        metadata={"description": "As GET gave it: then nothing is changed over what another admin changed."}
    )


class CatalogueServer(Schema):
    """One server of the catalogue, as admins keep it."""

    id = fields.Integer(required=True)
    slug = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    url = fields.String(required=True)
    transport = fields.String(required=True, validate=validate.OneOf(TRANSPORTS))
    auth_header_name = fields.String(required=True)
    auth_value_format = fields.String(required=True)
    token_required = fields.Boolean(required=True)
    extra_headers = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    token_help = fields.String(required=True, allow_none=True)
    token_help_url = fields.String(required=True, allow_none=True)
    token_placeholder = fields.String(required=True, allow_none=True)
    probe_tool = fields.String(required=True, allow_none=True)
    enabled = fields.Boolean(required=True, attribute="is_enabled")
    for_everyone = fields.Boolean(
        required=True,
        metadata={"description": "false: for the groups that GET …/groups lists; none: nobody."},
    )
    disabled_reason = fields.String(required=True, allow_none=True)
    registry_name = fields.String(
        required=True, allow_none=True, metadata={"description": "The registry entry it came from."}
    )
    people = fields.Integer(required=True, metadata={"description": "How many hold a token for it."})
    updated_at = Instant(required=True)


class ChangedServer(CatalogueServer):
    """The server as it is now, and what the change did."""

    changed = fields.List(fields.String(), required=True, metadata={"description": "The fields that differ."})
    held_tokens = fields.Integer(
        required=True, metadata={"description": "How many people's tokens it put on hold."}
    )


class CataloguePage(Schema):
    """Servers by name. `next` is the cursor of the next page; null on the last."""

    items = fields.List(fields.Nested(CatalogueServer), required=True)
    next = fields.String(required=True, allow_none=True)


class TrialAnswer(Schema):
    """What the server shows to whoever has no token. Null: not found out."""

    outcome = fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    detail = fields.String(required=True, metadata={"description": "The reason in plain words."})
    reason = fields.String(required=True, metadata={"description": "A word for the reason."})
    transport = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(TRANSPORTS),
        metadata={"description": "The one that answered, whatever the catalogue says."},
    )
    era = fields.String(required=True, allow_none=True, validate=validate.OneOf(ERAS))
    protocol = fields.String(
        required=True, allow_none=True, metadata={"description": "The version, a date such as 2026-07-28."}
    )
    name = fields.String(required=True, metadata={"description": "What it calls itself; its own word."})
    version = fields.String(required=True, metadata={"description": "Its own word too."})
    wants_token = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(STEPS),
        metadata={"description": "At what it refuses whoever has no token."},
    )
    offers_oauth = fields.Boolean(required=True, allow_none=True)
    tools = fields.Integer(required=True, allow_none=True, metadata={"description": "How many it lists."})
    read_only_tools = fields.List(
        fields.String(),
        required=True,
        attribute="read_only",
        metadata={"description": "The first of those that it marks so: what may be its probe_tool."},
    )
