"""Answers: what holds of every answer, whatever was asked."""

from __future__ import annotations

from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from app.web.urls import is_api
from tests.fuzz.marks import is_echoed

#: What is in a problem document (RFC 9457 and the contract).
PROBLEM = {"type", "title", "status", "detail", "code", "request_id"}
#: Where a remote server is at fault. A busy or missing database or key is none of what a request can cause.
UPSTREAM_STATUSES = {502, 504}
UPSTREAM_ROUTES = ("playground", "/check")


def faults_of(answer: TestResponse, rule: str, mark: str) -> list[str]:
    """Return what is wrong with an answer, in a few words each; none of them quotes it."""
    found = {
        f"status {answer.status_code}": not _is_of_the_contract(answer.status_code, rule),
        "an echo": is_echoed(mark, answer),
        "a redirect to elsewhere": not _stays_here(answer),
        "no problem document": answer.status_code >= 400 and is_api(rule) and not _is_problem(answer),
        "405 without Allow": answer.status_code == 405 and not answer.headers.get("Allow"),
        "429 while nothing is counted": answer.status_code == 429,
    }
    return [fault for fault, is_there in found.items() if is_there]


def _is_of_the_contract(status: int, rule: str) -> bool:
    reaches_out = any(part in rule for part in UPSTREAM_ROUTES)
    return status < 500 or (reaches_out and status in UPSTREAM_STATUSES)


def _stays_here(answer: TestResponse) -> bool:
    location = urlsplit(answer.headers.get("Location", ""))
    return location.scheme in {"", "http"} and location.netloc in {"", "localhost"}


def _is_problem(answer: TestResponse) -> bool:
    if answer.mimetype != "application/problem+json":
        return False
    # To HEAD nothing is said but the headers.
    document = answer.json if answer.get_data() else None
    if document is None:
        return answer.request.method.upper() == "HEAD"
    return document.keys() >= PROBLEM and document["status"] == answer.status_code
