"""Admin → Servers → Import and export: a catalogue from files, looked at before it is written, and as one."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.errors import ChangedMeanwhileError, InvalidInputError, TokensWouldBeHeldError
from app.mcp.registry import parse
from app.services.import_plan import Plan
from app.services.server_export import export_catalogue
from app.services.server_import import Consent, Files, import_catalogue, read_files, review_catalogue
from app.web import current
from app.web.admin.carried_files import pack, unpack
from app.web.admin.import_form import ReviewForm, UploadForm, review_form, sent_values
from app.web.admin.import_words import changes_of, groups_of, warnings_of


def upload() -> ResponseReturnValue:
    """Ask for files or a text, and show what importing it would do. Writes nothing."""
    form = UploadForm()
    if form.validate_on_submit():
        try:
            return _review(form.texts())
        except InvalidInputError as error:
            if error.reason == "too_large":
                abort(413)
            form.show(error)
    return render_template("admin/import.html", form=form), 422 if form.is_submitted() else 200


def reviewed() -> ResponseReturnValue:
    """Import what was ticked of the plan that was shown; show the plan again when it is another one now."""
    sent = ReviewForm()
    if not sent.validate_on_submit():
        abort(400)
    act = request.form.get("act", "import")
    try:
        texts = unpack(sent.carried.data or "")
        if act != "import":
            return _review(texts, act)
        plan = _import(texts, sent.plan.data or "")
    except (ChangedMeanwhileError, TokensWouldBeHeldError):
        return _review(texts, "changed")
    except InvalidInputError as error:
        form = UploadForm()
        form.validate()
        form.show(error)
        return render_template("admin/import.html", form=form), 422
    flash(_what_was_done(plan), "success" if plan.added or plan.changed else "info")
    return redirect(url_for("admin.servers"), code=303)


def export() -> ResponseReturnValue:
    """Send the catalogue as a file. It holds no secret, so that it is a link and not recorded."""
    text = json.dumps(export_catalogue(), ensure_ascii=False, indent=2)
    answer = Response(f"{text}\n", content_type="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="servers.json"'
    return answer


def _files(texts: Sequence[str]) -> Files:
    return Files([parse(text) for text in texts], sent_values())


def _import(texts: Sequence[str], digest: str) -> Plan:
    """Import the entries that were ticked; a tick is the consent to the number that stood beside it.

    The digest holds it: with another number there is another plan.
    """
    catalogue = read_files(_files(texts), current.egress())
    taken = frozenset(request.form.getlist("take"))
    held = review_catalogue(catalogue).only(taken).held
    return import_catalogue(catalogue, Consent(taken, held, digest), current.actor())


def _review(texts: Sequence[str], act: str = "first") -> ResponseReturnValue:
    """Show the plan. `act`: what came before it: `first`, `again`, `all`, `none` or `changed`."""
    plan = review_catalogue(read_files(_files(texts), current.egress()))
    form = review_form(plan.questions)
    form.carried.data, form.plan.data = pack(texts), plan.digest
    page = render_template(
        "admin/import_review.html",
        form=form,
        plan=plan,
        groups=groups_of(plan),
        ticked=_ticked(plan, act),
        # They come back with the next review, once there is something to tick.
        waiting=sorted({one.entry for one in plan.questions} - {entry.name for entry in plan.entries}),
        warnings_of=warnings_of,
        changes_of=changes_of,
        is_changed=act == "changed",
        questions=list(zip(plan.questions, form.blanks, strict=True)),
    )
    return page, 422 if act == "changed" else 200


def _ticked(plan: Plan, act: str) -> Collection[Any]:
    """Return the names of the entries to tick: none that holds tokens, whatever was ticked before.

    That consent was to a number that may be another one now.
    """
    if act == "none":
        return frozenset()
    free = {entry.name for entry in plan.entries if not entry.held_tokens}
    return free if act in {"first", "all"} else free & set(request.form.getlist("take"))


def _what_was_done(plan: Plan) -> str:
    if not plan.added and not plan.changed:
        return str(_("Nothing was changed."))
    texts = [
        ngettext("%(num)s server added", "%(num)s servers added", len(plan.added)),
        ngettext("%(num)s changed", "%(num)s changed", len(plan.changed)),
    ]
    if plan.held:
        texts.append(
            ngettext(
                "the token of %(num)s person put on hold",
                "the tokens of %(num)s people put on hold",
                plan.held,
            )
        )
    return ", ".join(texts) + "."
