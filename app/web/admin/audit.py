"""Admin → Audit: everyone's events, for admins and auditors, and their export."""

from __future__ import annotations

from flask import Response, abort, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from app.services.audit_export import FORMATS, export_events
from app.services.audit_list import EventFilter, list_events, note_reading
from app.services.oddities import oddities_of_all
from app.web import current
from app.web.sentences import KINDS
from app.web.settings.activity import number_in

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


def show() -> ResponseReturnValue:
    """Show all events, the newest first. Looking is recorded, once an hour for each person."""
    wanted = EventFilter(
        kind=request.args.get("kind", ""),
        actor=request.args.get("actor", "").strip()[:254],
        subject_user_id=number_in("person"),
        server_id=number_in("server"),
        before=number_in("before"),
    )
    note_reading(current.actor())
    return render_template(
        "admin/audit.html", page=list_events(wanted), wanted=wanted, kinds=KINDS, odd=oddities_of_all()
    )


def export(form: str) -> ResponseReturnValue:
    """Send every event as a file, streamed. It is recorded, so it is a form and no link."""
    if form not in FORMATS:
        abort(404)
    lines = export_events(form, current.actor())
    answer = Response(stream_with_context(lines), content_type=TYPES[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="audit-events.{form}"'
    return answer
