"""Admin token schemas: what admins may know of people's tokens. There is no hint in any of them."""

from __future__ import annotations

from typing import Final

import marshmallow as ma
from marshmallow import fields, validate

from app.services.token_choice import PAGE_SIZE
from app.services.token_status import NEEDS_ATTENTION, STATUSES
from app.web.api.fields import Instant, Limit, Text
from app.web.api.schemas import Schema

VERSION_HELP: Final = (
    "The version of the token as you know it; when it was replaced by then, nothing is done."
)


class HeldTokenQuery(ma.Schema):
    """Which tokens to list."""

    person = Text(load_default="", metadata={"description": "Id or email of the one person to look at."})
    server = Text(load_default="", metadata={"description": "Id or slug of the one server to look at."})
    status = Text(
        load_default="",
        metadata={
            "description": "A status, or attention for all in which the owner has to act. none: only with a "
            "person or a server."
        },
        validate=validate.OneOf(("", *STATUSES, NEEDS_ATTENTION), error="unknown"),
    )
    after = Text(load_default="", metadata={"description": "next of the page before."})
    limit = Limit(load_default=PAGE_SIZE)


class TokenOwner(Schema):
    """Whose token it is."""

    id = fields.Integer(required=True)
    email = fields.String(required=True)
    active = fields.Boolean(required=True)


class TokenServer(Schema):
    """What it is for."""

    id = fields.Integer(required=True)
    slug = fields.String(required=True)
    name = fields.String(required=True)
    enabled = fields.Boolean(required=True)


class HeldToken(Schema):
    """A person, a server, and the state of the token of the one for the other. Times are null without one."""

    person = fields.Nested(TokenOwner, required=True)
    server = fields.Nested(TokenServer, required=True)
    available = fields.Boolean(
        required=True,
        metadata={"description": "false: the person may not use the server, only delete a token for it."},
    )
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    version = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Another one after each save; null: there is no token."},
    )
    created_at = Instant(required=True, allow_none=True)
    updated_at = Instant(required=True, allow_none=True)
    last_used_at = Instant(required=True, allow_none=True)
    last_check_at = Instant(required=True, allow_none=True)
    expires_at = Instant(required=True, allow_none=True)
    renew_asked_at = Instant(required=True, allow_none=True)


class HeldTokenPage(Schema):
    """Tokens, and how many are in which state. `next` is the cursor of the next page; null on the last."""

    items = fields.List(fields.Nested(HeldToken), required=True)
    next = fields.String(required=True, allow_none=True)
    totals = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Status, all or attention → how many, whatever status is asked for."},
    )
    more_than_counted = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "The words in totals of which there are more; none for a person or server."},
    )


class AskForRenewal(Schema):
    """Which token is meant."""

    version = Text(allow_none=True, load_default=None, metadata={"description": VERSION_HELP})


class TokenVersionQuery(ma.Schema):
    """Which token is meant."""

    version = Text(allow_none=True, load_default=None, metadata={"description": VERSION_HELP})


class AskedForRenewal(Schema):
    """What came of asking."""

    asked = fields.Boolean(
        required=True, metadata={"description": "false: they were asked within the last day already."}
    )
    renew_asked_at = Instant(required=True)
    mail = fields.String(
        required=True,
        validate=validate.OneOf(("sent", "not_sent", "none")),
        metadata={"description": "not_sent: it failed; ask again. none: there was none to be sent."},
    )
