"""What the request at hand gives to services: who acts, with which keys, through which door."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Final, cast

from flask import current_app, g, request
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from app.mcp.egress import Egress
from app.models import User
from app.services.actors import Actor, Right
from app.services.call_slots import CallSlots
from app.services.keys import Keys
from app.services.ledger import AuditKey
from app.services.sessions import Limits
from app.services.sign_in import Visitor
from app.services.storing import why_not_stored
from app.services.uses import Door

BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
)
SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def user() -> User:
    """Return who is signed in. Only for views that are not public."""
    return cast(User, current_user._get_current_object())


def viewer() -> User | None:
    """Return who looks at the page; None for strangers, and when the database cannot say.

    Error pages need it so: the page that says "the database does not answer" must not ask it again.
    """
    if g.get("viewer_is_unknown"):
        return None
    try:
        return cast(User, current_user) if current_user.is_authenticated else None
    except SQLAlchemyError:
        g.viewer_is_unknown = True
        return None


def actor() -> Actor:
    """Return who acts, as the ledger will tell it; with their right where the view asked for a role."""
    if "actor_by_role" in request.environ:
        return cast(Actor, request.environ["actor_by_role"])
    signed_in = current_user.is_authenticated
    return Actor(
        user_id=current_user.id if signed_in else None,
        name=current_user.email if signed_in else "",
        client_address=(request.remote_addr or "")[:45],
        agent=agent_family(request.user_agent.string),
        request_id=request.environ["request_id"],
    )


def act_by_role(*roles: str) -> None:
    """Let this request act by any of these roles, of which its person was found to have one.

    Who that is stays as it was then: of a person who is disabled meanwhile, Flask-Login says that nobody is
    signed in, and nobody would be an actor without a right to be looked at.
    """
    right = Right(frozenset(roles), current_user.get_id())
    request.environ["actor_by_role"] = replace(actor(), right=right)


def agent_family(header: str) -> str:
    """Return "Chrome on Linux" for a User-Agent header: our words only, nothing a stranger typed."""
    browser = next((name for mark, name in BROWSERS if re.search(re.escape(mark), header, re.I)), "Other")
    system = next((name for mark, name in SYSTEMS if mark in header), None)
    return f"{browser} on {system}" if system else browser


def not_stored() -> str | None:
    """Return who turned storing off for who is signed in, `installation` or `person`; None when it is on."""
    return why_not_stored(user(), keys())


def visitor() -> Visitor:
    """Return who knocks, as far as their browser says."""
    browser_id = request.cookies.get(current_app.config["BROWSER_COOKIE_NAME"])
    return Visitor(actor().without_right(), browser_id, is_counted=current_app.config["RATELIMIT_ENABLED"])


def session_limits() -> Limits:
    """Return when sessions end by themselves here."""
    return Limits(
        timedelta(minutes=current_app.config["SESSION_IDLE_MINUTES"]),
        timedelta(minutes=current_app.config["SESSION_ABSOLUTE_MINUTES"]),
    )


def keys() -> Keys:
    """Return the app's keys."""
    return cast(Keys, current_app.extensions["keys"])


def audit_key() -> AuditKey:
    """Return the key of the app's ledger."""
    return cast(AuditKey, current_app.extensions["audit_key"])


def egress() -> Egress:
    """Return the app's rules for outgoing connections."""
    return cast(Egress, current_app.extensions["egress"])


def door() -> Door:
    """Return what a use of a token needs besides the token."""
    return Door(keys(), egress(), actor(), cast(CallSlots, current_app.extensions["call_slots"]))
