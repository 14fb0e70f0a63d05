"""Schemas: the shape of every body and answer. What is not named here goes neither in nor out."""

from __future__ import annotations

from typing import Final

import marshmallow as ma
from marshmallow import fields, validate

from app.mcp.checks import RESULTS
from app.services.token_list import PAGE_SIZE
from app.services.token_status import NEEDS_ATTENTION, STATUSES
from app.web.api.fields import Flag, Instant, JsonObject, Limit, Secret, Text
from app.words.token_states import REMEDIES

ADDRESS: Final = "The server's url as you know it; when it has another by then, nothing is sent or saved."
BELONGS_HERE: Final = (
    "True: this server may have the token, although it looks like another service's, or stands in a paste "
    "that names another server."
)


class Schema(ma.Schema):
    """An object of exactly these fields."""

    error_messages = {"unknown": "unknown_field", "type": "object"}

    class Meta:
        """Refuse what is not named."""

        unknown = ma.RAISE


class Credentials(Schema):
    """Who signs in."""

    email = Text(required=True, metadata={"format": "email"})
    password = Secret("The password.", required=True)
    code = Secret("Where the account has a second factor: a code of the app, or a recovery code.")


class SignedIn(Schema):
    """Who is signed in, and the token that every change has to carry."""

    email = fields.String(required=True)
    display_name = fields.String(required=True)
    role = fields.String(required=True)
    csrf_token = fields.String(required=True, metadata={"description": "Send it as X-CSRFToken."})


class ServerQuery(ma.Schema):
    """Which servers to list."""

    q = Text(load_default="", metadata={"description": "Part of a name, slug or host."})
    status = Text(
        load_default="",
        metadata={"description": "A token status, or attention for all in which you have to act."},
        validate=validate.OneOf(("", *STATUSES, NEEDS_ATTENTION), error="unknown"),
    )
    after = Text(load_default="", metadata={"description": "next of the page before."})
    limit = Limit(load_default=PAGE_SIZE)


class TokenState(Schema):
    """What may be known of a saved token. Without one, `has_token` is all there is."""

    has_token = fields.Boolean(required=True)
    hint = fields.String(
        allow_none=True, metadata={"description": "... and the last four characters; null for a short one."}
    )
    status = fields.String(validate=validate.OneOf(STATUSES[1:]))
    help = fields.String(metadata={"description": "What the status means, in a few sentences."})
    remedy = fields.String(
        validate=validate.OneOf(tuple(REMEDIES)),
        metadata={
            "description": "What mends it; empty when nothing has to be. "
            "Where tokens are not stored, always delete."
        },
    )
    last_check_at = Instant(allow_none=True)
    last_check_result = fields.String(
        allow_none=True, metadata={"description": "One of accepted, rejected, not_proven, unreachable."}
    )
    created_at = Instant()
    updated_at = Instant(metadata={"description": "When its owner last changed it."})
    last_used_at = Instant(allow_none=True)
    expires_at = Instant(allow_none=True)
    renew_asked_at = Instant(
        allow_none=True,
        metadata={"description": "When an admin asked you to replace it; null: nobody did."},
    )


class Server(Schema):
    """One MCP server of the catalogue, with my token for it."""

    id = fields.Integer(required=True)
    slug = fields.String(
        required=True, allow_none=True, metadata={"description": "Null where available is false."}
    )
    name = fields.String(required=True)
    url = fields.String(
        required=True, allow_none=True, metadata={"description": "Null where available is false."}
    )
    enabled = fields.Boolean(required=True)
    available = fields.Boolean(
        required=True, metadata={"description": "false: no longer for you; you can only delete your token."}
    )
    token = fields.Nested(TokenState, required=True)


class ServerPage(Schema):
    """Servers by name. `next` is the cursor of the next page; null on the last."""

    items = fields.List(fields.Nested(Server), required=True)
    next = fields.String(required=True, allow_none=True)


class NewToken(Schema):
    """A token to save."""

    token = Secret("The token as you got it. A pasted header line or assignment is unwrapped.", required=True)
    expires_at = Instant(
        allow_none=True,
        load_default=None,
        metadata={"description": "When it ends, in the future; null or absent: never."},
    )
    check = Flag(
        load_default=False,
        metadata={"description": "Ask the server first; a token that it rejects is not saved."},
    )
    belongs_here = Flag(load_default=False, metadata={"description": BELONGS_HERE})
    address = Text(allow_none=True, load_default=None, metadata={"description": ADDRESS})


class CheckAnswer(Schema):
    """What a check found."""

    result = fields.String(required=True, validate=validate.OneOf(RESULTS))
    detail = fields.String(required=True, metadata={"description": "The reason in plain words."})
    reason = fields.String(required=True, metadata={"description": "A word for the reason."})
    identity = fields.String(
        metadata={"description": "Whom the server's probe tool names; the server's word. Absent: nobody."}
    )


class CheckedToken(CheckAnswer):
    """What a check found, and of which token."""

    token_source = fields.String(required=True, validate=validate.OneOf(("request", "saved")))


class TokenToCheck(Schema):
    """A token to check without saving it."""

    token = Secret(
        "Null or absent: the saved token is checked.",
        allow_none=True,
        load_default=None,
        validate=validate.Length(min=1, error="empty"),
    )
    belongs_here = Flag(load_default=False, metadata={"description": BELONGS_HERE})
    address = Text(allow_none=True, load_default=None, metadata={"description": ADDRESS})


class SavedToken(Schema):
    """What a save did."""

    success = fields.Boolean(required=True)
    message = fields.String(required=True)
    hint = fields.String(required=True, allow_none=True)
    changed = fields.List(
        fields.String(validate=validate.OneOf(("quotes", "name", "json", "header", "scheme"))),
        metadata={"description": "What was taken off the paste; absent when it was saved as it came."},
    )
    check = fields.Nested(CheckAnswer, metadata={"description": "Absent when it was not checked."})
    stated_expires_at = Instant(
        metadata={"description": "When the token itself says that it ends; nothing here relies on it."}
    )
    also_saved_for = fields.List(
        fields.String(), metadata={"description": "Names of servers for which you saved the same token."}
    )
    held_for = fields.String(
        metadata={
            "description": "Whose token it looks like, or the host that it was configured for; it is on hold "
            "until you confirm on its page, or save it again with belongs_here."
        }
    )


class TypedToken(Schema):
    """A token for this one request."""

    mcp_auth_token = Secret(
        "Used once and stored nowhere; null or absent: the saved token is used.",
        allow_none=True,
        load_default=None,
        validate=validate.Length(min=1, error="empty"),
    )
    belongs_here = Flag(load_default=False, metadata={"description": BELONGS_HERE})
    address = Text(allow_none=True, load_default=None, metadata={"description": ADDRESS})


class ToolCall(TypedToken):
    """A tool, what to give it, and optionally the token for it."""

    tool = Text(required=True, validate=validate.Length(min=1, error="empty_text"))
    arguments = JsonObject(keys=fields.String(), allow_none=True, load_default=None)


class Tool(Schema):
    """A tool as its server describes it."""

    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    input_schema = fields.Dict(required=True, metadata={"description": "A JSON Schema of its arguments."})


class ToolList(Schema):
    """A server's tools, and which token it took to see them."""

    token_source = fields.String(required=True, validate=validate.OneOf(("request", "saved", "none")))
    tools = fields.List(fields.Nested(Tool), required=True)


class ToolAnswer(Schema):
    """What a tool answered. Its content is the server's word."""

    token_source = fields.String(required=True, validate=validate.OneOf(("request", "saved", "none")))
    is_error = fields.Boolean(required=True)
    content = fields.List(fields.Dict(), required=True)
    structured_content = fields.Raw(required=True, allow_none=True)


class Problem(Schema):
    """An error (RFC 9457). No value that was sent is in it."""

    class Meta:
        """Say that some codes have further members."""

        unknown = ma.INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "A word to act on; it does not change."})
    request_id = fields.String(required=True, metadata={"description": "Find it in the log by this."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "Field → what is wrong; the empty name stands for the body as a whole."},
    )
    reason = fields.String(metadata={"description": "A word for what is wrong, when code has several."})
    token_source = fields.String(metadata={"description": "Which token the server rejected."})
    setup_url = fields.String(metadata={"description": "The page on which to save a token."})
    service = fields.String(metadata={"description": "Whose token it looks like."})
    held_tokens = fields.Integer(metadata={"description": "How many people's tokens it would put on hold."})
    unavailable_tokens = fields.Integer(
        metadata={"description": "From how many people who hold a token it would take the server away."}
    )
    deleted_tokens = fields.Integer(metadata={"description": "How many people's tokens would be deleted."})
