"""Admin → Audit: everyone's events, for admins and auditors, and their export."""

from __future__ import annotations

from typing import Final

from flask import Response, abort, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from app.errors import InvalidInputError
from app.services.audit_export import FORMATS, export_events
from app.services.audit_list import EventFilter, EventPage, emails_of, list_events, note_reading
from app.services.emails import MAX_EMAIL_CHARS
from app.services.oddities import oddities_of_all
from app.services.token_search import person_named
from app.web import current
from app.web.sentences import KINDS
from app.web.settings.activity import number_in

#: What of the address says which events are wanted.
ASKED: Final = ("kind", "actor", "person", "server")
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


def show() -> ResponseReturnValue:
    """Show all events, the newest first. Looking is recorded, once an hour for each person."""
    asked = {name: request.args.get(name, "").strip()[:MAX_EMAIL_CHARS] for name in ASKED}
    server_id, person_id = number_in("server"), _person_in(asked["person"])
    wanted = EventFilter(
        kind=asked["kind"],
        actor=asked["actor"],
        subject_user_id=person_id,
        server_id=server_id,
        server="" if server_id is not None else asked["server"],
        before=number_in("before"),
    )
    note_reading(current.actor())
    is_nobody = bool(asked["person"]) and person_id is None
    page = EventPage([], None) if is_nobody else list_events(wanted)
    odd = oddities_of_all()
    return render_template(
        "admin/audit.html",
        page=page,
        people=emails_of({event.subject_user_id for event in page.events} | {one.user_id for one in odd}),
        asked=asked,
        is_filtered=any(asked.values()) or wanted.before is not None,
        is_nobody=is_nobody,
        before=wanted.before,
        kinds=KINDS,
        odd=odd,
    )


def export(form: str) -> ResponseReturnValue:
    """Send every event as a file, streamed. It is recorded, so it is a form and no link."""
    if form not in FORMATS:
        abort(404)
    lines = export_events(form, current.actor())
    answer = Response(stream_with_context(lines), content_type=TYPES[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="audit-events.{form}"'
    return answer


def _person_in(word: str) -> int | None:
    """Return the id of the person of this email or id, who may be gone; None for nobody."""
    person_id = number_in("person")
    if person_id is not None or not word:
        return person_id
    try:
        return person_named(word).id
    except InvalidInputError:
        return None
