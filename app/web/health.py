"""Health: whether the process lives, and whether it can do its work."""

from __future__ import annotations

import logging

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.web import current
from app.web.access import public

logger = logging.getLogger(__name__)
health = Blueprint("health", __name__)


@health.get("/healthz")
@public
def alive() -> ResponseReturnValue:
    """Answer that the process lives."""
    return {"status": "ok"}


@health.get("/readyz")
@public
def ready() -> ResponseReturnValue:
    """Answer 200 when database and key are there, else 503. Admins are told the reason."""
    try:
        reason = current.keys().problem()
    except SQLAlchemyError:
        # Nobody can be recognised as an admin now: the reason is in the log.
        db.session.rollback()
        logger.exception("The database does not answer, or `flask db upgrade` was not run.")
        return {"status": "not ready"}, 503
    if reason is None:
        return {"status": "ok"}
    if getattr(current_user, "is_admin", False):
        return {"status": "not ready", "reason": reason}, 503
    return {"status": "not ready"}, 503
