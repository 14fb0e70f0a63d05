"""Health: whether the process lives, and whether it can do its work."""

from __future__ import annotations

import logging

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from app.services.keys import try_write
from app.web import current
from app.web.access import public
from app.web.problems import give_up_transaction, retry_headers

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
        try_write()
    except SQLAlchemyError:
        # Nobody can be recognised as an admin now: the reason is in the log.
        give_up_transaction()
        logger.exception("The database does not answer or takes no writes, or was not upgraded.")
        return _not_ready({})
    if reason is None:
        return {"status": "ok"}
    return _not_ready({"reason": reason} if getattr(current_user, "is_admin", False) else {})


def _not_ready(why: dict[str, str]) -> ResponseReturnValue:
    return {"status": "not ready"} | why, 503, retry_headers(503)
