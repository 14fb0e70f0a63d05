"""Admin user schemas: the shape of what admins send and get about people. Of a token, its state at most."""

from __future__ import annotations

from typing import Final

import marshmallow as ma
from marshmallow import fields, validate

from app.models.user import ROLES, STATES
from app.services.people import PAGE_SIZE
from app.services.token_status import STATUSES
from app.web.api.fields import Flag, Instant, Limit, Secret, Text
from app.web.api.schemas import Schema
from app.web.one_time_links import MAIL_OUTCOMES

OWN_PASSWORD: Final = "Your own password: what gives or takes access is confirmed with it, as on the pages."


class PeopleQuery(ma.Schema):
    """Whom to list."""

    q = Text(load_default="", metadata={"description": "Part of an email address or name."})
    state = Text(load_default="", validate=validate.OneOf(("", *STATES), error="unknown"))
    role = Text(load_default="", validate=validate.OneOf(("", *ROLES), error="unknown"))
    after = Text(load_default="", metadata={"description": "next of the page before."})
    limit = Limit(load_default=PAGE_SIZE)


class Person(Schema):
    """Somebody with an account."""

    id = fields.Integer(required=True)
    email = fields.String(required=True)
    display_name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    state = fields.String(
        required=True,
        validate=validate.OneOf(STATES),
        metadata={"description": "invited: has not set a password yet; disabled: cannot sign in."},
    )
    created_at = Instant(required=True)
    last_login_at = Instant(required=True, allow_none=True)
    has_totp = fields.Boolean(required=True, metadata={"description": "Whether a code is asked for."})
    totp_required = fields.Boolean(required=True)
    tokens = fields.Integer(required=True, metadata={"description": "For how many servers they hold one."})


class PeoplePage(Schema):
    """People by email. `next` is the cursor of the next page; null on the last."""

    items = fields.List(fields.Nested(Person), required=True)
    next = fields.String(required=True, allow_none=True)


class PersonInFull(Person):
    """Somebody with an account, and what hangs on it."""

    sessions = fields.Integer(required=True, metadata={"description": "Where they are signed in now."})
    groups = fields.List(fields.String(), required=True)
    token_states = fields.Dict(
        keys=fields.String(validate=validate.OneOf(STATUSES[1:])),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Token status → how many of their tokens are in it."},
    )
    link_expires_at = Instant(
        required=True,
        allow_none=True,
        metadata={"description": "When their open one-time link ends: an invitation, or a new password."},
    )


class Confirmation(Schema):
    """The password of whoever is signed in."""

    password = Secret(OWN_PASSWORD, required=True)


class NewInvitation(Confirmation):
    """Whom to invite."""

    email = Text(required=True, metadata={"format": "email"})
    role = Text(
        allow_none=True,
        load_default=None,
        validate=validate.OneOf(ROLES, error="unknown"),
        metadata={"description": "Null or absent: user, or what they were invited as before."},
    )


class Invited(Schema):
    """An invitation. Its link is told this once."""

    id = fields.Integer(required=True)
    email = fields.String(required=True)
    invitation_url = fields.String(
        required=True,
        metadata={"description": "Whoever opens it first chooses the password. It works once."},
    )
    expires_at = Instant(required=True)
    mail = fields.String(
        required=True,
        validate=validate.OneOf(MAIL_OUTCOMES),
        metadata={"description": "What became of the mail to them; off: no mail server is set."},
    )


class PersonPatch(Confirmation):
    """What to change of an account: only what is named here changes."""

    is_active = Flag(metadata={"description": "false: cannot sign in; every session ends at once."})
    role = Text(validate=validate.OneOf(ROLES, error="unknown"))
    totp_required = Flag(metadata={"description": "true: can do nothing before a second factor is set up."})


class Provider(Schema):
    """Where a token of the person is, and lives on until it is revoked there."""

    server_id = fields.Integer(required=True)
    server = fields.String(required=True)
    host = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES[1:]))
    revoke_url = fields.String(
        required=True, allow_none=True, metadata={"description": "The provider's page; null: none is known."}
    )


class Deleted(Schema):
    """What goes, or went, with the person. At the providers their tokens stay valid."""

    providers = fields.List(fields.Nested(Provider), required=True)
    sessions = fields.Integer(required=True)
    groups = fields.Integer(required=True)


class EndedSessions(Schema):
    """How many sessions ended."""

    sessions = fields.Integer(required=True)
