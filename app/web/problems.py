"""Problems: the one place where an error becomes an HTTP answer, a page or problem+json."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, SecurityError, TooManyRequests, UnprocessableEntity

from app import errors
from app.extensions import db
from app.services.audit import Action, record
from app.web import current, large_bodies, messages
from app.web.urls import is_api

logger = logging.getLogger(__name__)

STATUSES: Final[dict[type[errors.MarketError], int]] = {
    errors.NotThereError: 404,
    errors.InvalidInputError: 422,
    errors.ForeignTokenError: 422,
    errors.StorageOffError: 409,
    errors.TokensWouldBeHeldError: 409,
    errors.TokensWouldBeUnavailableError: 409,
    errors.TokensWouldBeDeletedError: 409,
    errors.ChangedMeanwhileError: 409,
    errors.SignedOutError: 401,
    errors.RenewalNotPossibleError: 409,
    errors.SignInFailedError: 401,
    errors.TooManyAttemptsError: 429,
    errors.SecondFactorRequiredError: 401,
    errors.SecondFactorMissingError: 409,
    errors.LastAdminError: 409,
    errors.OwnSecondFactorError: 409,
    errors.WrongStateError: 409,
    errors.LedgerClosedError: 503,
    errors.BusyError: 503,
    errors.TokenRequiredError: 409,
    errors.TokenExpiredError: 409,
    errors.TokenRejectedError: 409,
    errors.TokenUnreadableError: 409,
    errors.ServerChangedError: 409,
    errors.KeyNotLoadedError: 503,
    errors.RotationRunningError: 409,
    errors.UpstreamError: 502,
    errors.UpstreamTimeoutError: 504,
    errors.UpstreamRefusedError: 502,
    errors.MailError: 502,
}
#: Seconds after which what was not possible may be, by status; 429 says it itself.
RETRY_AFTER: Final = {503: 5, 504: 30}
#: Public codes for what HTTP itself refuses.
CODES: Final = {
    400: "malformed",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    411: "length_required",
    413: "too_large",
    414: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}


class InvalidFieldsError(UnprocessableEntity):
    """Fields of a body or query were refused: field name of ours → reason, a word of `messages`."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__()
        self.reasons = reasons


def init_app(app: Flask) -> None:
    """Catch everything: ours, HTTP's, the database's, and what nobody expected."""
    app.register_error_handler(errors.MarketError, answer_market_error)
    app.register_error_handler(CSRFError, _answer_csrf)
    app.register_error_handler(HTTPException, _answer_http)
    # Locked, read-only, full, gone, shutting down, not migrated: the drivers class these differently.
    for error in (DatabaseError, InterfaceError, PoolTimeoutError):
        app.register_error_handler(error, _answer_database)
    # These are faults of ours.
    for error in (DataError, IntegrityError, NotSupportedError):
        app.register_error_handler(error, _answer_unexpected)
    app.register_error_handler(Exception, _answer_unexpected)


def status_of(error: errors.MarketError) -> int:
    """Return the HTTP status of a domain error."""
    return STATUSES[type(error)]


def retry_headers(status: int) -> dict[str, str]:
    """Return the header that says when to come again, where a status has one."""
    return {"Retry-After": str(RETRY_AFTER[status])} if status in RETRY_AFTER else {}


def answer_market_error(error: errors.MarketError) -> Response:
    """Answer with the error's own status, code and, in the API, the facts a program can act on."""
    give_up_transaction()
    try:
        not_stored = current.not_stored() if error.code in messages.UNSTORED else None
    except SQLAlchemyError as failure:
        return _answer_database(failure)
    text, facts = messages.of_error(error, not_stored), messages.facts_of(error, not_stored)
    answer = _answer(status_of(error), error.code, text, facts)
    if isinstance(error, errors.TooManyAttemptsError):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _answer_csrf(_error: CSRFError) -> Response:
    note_refusal(Action.CSRF_REFUSED)
    text = messages.of_code("csrf_header_missing" if is_api(request.path) else "csrf_failed")
    return _answer(400, "csrf_failed", text)


def _answer_http(error: HTTPException) -> Response:
    if error.response is not None and error.code is None:
        return make_response(error.response)
    status = error.code or 500
    if status < 400:  # a redirect that the router raised
        return make_response(error.get_response())
    code = CODES.get(status, "malformed" if status < 500 else "internal")
    if error.description in {"secret_in_url", "https_required"}:
        code = str(error.description)
    facts = messages.facts_of_reasons(error.reasons) if isinstance(error, InvalidFieldsError) else None
    is_catalogue = status == 413 and request.endpoint in large_bodies.ENDPOINTS
    text = messages.of_code("catalogue_too_large" if is_catalogue else code)
    answer = _answer(status, code, text, facts)
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After", "WWW-Authenticate"}:
            answer.headers[name] = value
    if isinstance(error, TooManyRequests) and "retry_after" in g:
        answer.headers["Retry-After"] = str(g.retry_after)
    return answer


def note_refusal(action: Action) -> None:
    """Record a refusal, of somebody who is signed in. Whatever goes wrong, the refusal stands.

    Strangers are in the log alone: they must not be able to grow the ledger.
    """
    try:
        if current_user.is_authenticated:
            give_up_transaction()
            record(action, current.actor(), outcome="refused", subject_user_id=current_user.id)
            db.session.commit()
    except (errors.MarketError, SQLAlchemyError) as error:
        give_up_transaction()
        logger.warning("A refusal could not be recorded.", extra={"reason": type(error).__name__})


def give_up_transaction() -> None:
    """Roll back, as far as a database is there to do it: none of what was begun was acknowledged."""
    try:
        db.session.rollback()
    except SQLAlchemyError as error:
        logger.warning("A transaction could not be rolled back.", extra={"reason": type(error).__name__})
        db.session.remove()


def _answer_database(error: Exception) -> Response:
    give_up_transaction()
    logger.error("The database did not answer.", extra={"reason": type(error).__name__})
    return _answer(503, "unavailable", messages.of_code("unavailable"))


def _answer_unexpected(error: Exception) -> Response:
    give_up_transaction()
    logger.error("Unexpected error", exc_info=error)
    return _answer(500, "internal", messages.of_code("internal"))


def _answer(status: int, code: str, text: str, facts: dict[str, Any] | None = None) -> Response:
    answer = _written(status, code, text, facts)
    answer.headers.update(retry_headers(status))
    return answer


def _written(status: int, code: str, text: str, facts: dict[str, Any] | None) -> Response:
    if is_api(request.path):
        return problem(status, code, text, facts)
    if isinstance(request.routing_exception, SecurityError):
        # Asked for by a name that is not ours: Flask builds no link then, and a page is full of them.
        return make_response(text, status, {"Content-Type": "text/plain; charset=utf-8"})
    page = render_template("errors/error.html", status=status, code=code, text=text, request_id=_request_id())
    return make_response(page, status)


def problem(status: int, code: str, text: str, facts: dict[str, Any] | None = None) -> Response:
    """Return a problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    document |= {"detail": text, "code": code, "request_id": _request_id()} | (facts or {})
    response = make_response(current_app.json.response(document), status)
    response.mimetype = "application/problem+json"
    return response


def _request_id() -> str:
    return str(request.environ.get("request_id", ""))
