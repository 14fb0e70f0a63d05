"""Admin → Servers, one server: enabling, disabling, deleting and trying it out."""

from __future__ import annotations

from typing import Final

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.errors import BusyError, TokensWouldBeDeletedError
from app.models import Server
from app.services import servers
from app.services.availability import FOR_EVERYONE, FOR_GROUPS, FOR_NOBODY
from app.services.emails import MAX_EMAIL_CHARS
from app.services.server_delete import delete_server, list_owners
from app.services.server_groups import audience_of
from app.services.trials import try_server
from app.web import current, messages
from app.web.admin.server_form import DeleteServerForm
from app.web.forms import ConfirmForm
from app.web.problems import retry_headers, status_of
from app.words import trials

#: What enabling did, by for whom the server is.
ENABLED: Final = {
    FOR_EVERYONE: _l("Enabled: people see it."),
    FOR_GROUPS: _l("Enabled: the people of its groups see it."),
    FOR_NOBODY: _l("Enabled, but it is there for nobody yet: choose who may use it."),
}


def enable(server_id: int) -> ResponseReturnValue:
    """Let people use the server."""
    changed = servers.set_enabled(server_id, True, current.actor())
    if not changed:
        return _back(server_id, _("It was enabled already."))
    return _back(server_id, str(ENABLED[audience_of(servers.get_server(server_id)).outcome]))


def disable(server_id: int) -> ResponseReturnValue:
    """Take the server out of use; tokens saved for it stay."""
    changed = servers.set_enabled(server_id, False, current.actor())
    done = _("Disabled: nobody's token is sent to it. The tokens stay; their owners can delete them.")
    return _back(server_id, done if changed else _("It was disabled already."))


def delete_page(server_id: int) -> ResponseReturnValue:
    """Say whose tokens go, ask for the name, and delete the server with exactly those that were named."""
    server = servers.get_server(server_id)
    name = server.name
    form = DeleteServerForm()
    if form.validate_on_submit():
        tokens = _delete(server, form)
        if tokens is not None:
            flash(_what_went(name, tokens), "success")
            return redirect(url_for("admin.servers"), code=303)
    owners = list_owners(server_id, request.args.get("after", "")[:MAX_EMAIL_CHARS])
    # What is on the page is what one agrees to, whatever was sent.
    form.deleted_tokens.data = str(owners.people)
    page = render_template(
        "admin/delete_server.html", server=servers.get_server(server_id), form=form, owners=owners
    )
    return page, 422 if form.is_submitted() else 200


def try_page(server_id: int) -> ResponseReturnValue:
    """Connect to the server without a token, and show what it shows, unless it is deleted meanwhile."""
    try:
        trial = try_server(
            server_id,
            egress=current.egress(),
            slots=current_app.extensions["call_slots"],
            actor=current.actor(),
        )
    except BusyError as error:
        status = status_of(error)
        return _shown(server_id, problem=messages.of_error(error)), status, retry_headers(status)
    return _shown(server_id, trial=trial)


def _delete(server: Server, form: DeleteServerForm) -> int | None:
    """Delete the server and return how many tokens went; None when the form says why it was not."""
    if not form.names(server):
        form.say("name", _("This is not its name."))
        return None
    try:
        return delete_server(server.id, deleted_tokens=form.consent(), actor=current.actor())
    except TokensWouldBeDeletedError:
        form.say("", _("The number of tokens changed meanwhile, so nothing was deleted. Look again."))
        # Who agrees to another number types it again.
        form.name.data = ""
        return None


def _shown(server_id: int, **found: object) -> str:
    given = {"trial": None, "problem": None} | found
    server = servers.get_server(server_id)
    return render_template("admin/try_server.html", server=server, words=trials, form=ConfirmForm(), **given)


def _back(server_id: int, done: str) -> ResponseReturnValue:
    flash(done, "success")
    return redirect(url_for("admin.server", server_id=server_id), code=303)


def _what_went(name: str, tokens: int) -> str:
    text = str(_("%(server)s is deleted.", server=name))
    if tokens:
        text += " " + ngettext(
            "The token of %(num)s person went with it; it stays valid at its provider.",
            "The tokens of %(num)s people went with it; they stay valid at their provider.",
            tokens,
        )
    return text
