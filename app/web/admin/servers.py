"""Admin → Servers: the catalogue, adding a server to it and changing one."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.errors import ChangedMeanwhileError, InvalidInputError, TokensWouldBeHeldError
from app.mcp.catalogue import ProposedServer
from app.models import Server
from app.services import servers
from app.services.server_change import Changed, change_server
from app.services.server_groups import audience_of
from app.services.server_list import count_catalogue, list_catalogue
from app.services.server_places import MAX_QUERY_CHARS
from app.web import current
from app.web.admin.server_form import ServerForm
from app.web.forms import ConfirmForm


def list_page() -> ResponseReturnValue:
    """Show every server, by name."""
    query, after = request.args.get("q", "").strip()[:MAX_QUERY_CHARS], request.args.get("after", "")
    state = request.args.get("state", "")
    return render_template(
        "admin/servers.html",
        page=list_catalogue(query, after, state=state),
        counts=count_catalogue(query),
        query=query,
        state=state,
        place={"q": query or None, "state": state or None},
    )


def new_page() -> ResponseReturnValue:
    """Show an empty form, and add the server."""
    form = ServerForm.new()
    if form.validate_on_submit():
        try:
            server = servers.add_server(
                ProposedServer(**form.changes(), for_everyone=bool(form.for_everyone.data)),
                egress=current.egress(),
                actor=current.actor(),
                is_enabled=bool(form.is_enabled.data),
            )
        except InvalidInputError as error:
            form.show(error)
        else:
            return _added(server)
    return render_template("admin/new_server.html", form=form), 422 if form.is_submitted() else 200


def change_page(server_id: int) -> ResponseReturnValue:
    """Show one server's form, and change the server; another address only with consent to what it holds."""
    form = ServerForm.of(servers.get_server(server_id))
    if form.validate_on_submit():
        try:
            changed = change_server(
                server_id,
                form.changes(),
                held_tokens=form.consent(),
                egress=current.egress(),
                actor=current.actor(),
                seen=form.seen_at(),
            )
        except InvalidInputError as error:
            form.show(error)
        except TokensWouldBeHeldError as error:
            form.ask(error.held_tokens)
        except ChangedMeanwhileError:
            form.show_saved(servers.get_server(server_id))
        else:
            flash(_what_was_done(changed), "success" if changed.fields else "info")
            return redirect(url_for("admin.server", server_id=server_id), code=303)
    return _shown(form, server_id)


def _added(server: Server) -> ResponseReturnValue:
    if server.for_everyone:
        text = _("%(server)s is in the catalogue. Try it to see what it shows.", server=server.name)
        page = "admin.server"
    else:
        text = _(
            "%(server)s is in the catalogue, for nobody yet. Choose the groups it is for.", server=server.name
        )
        page = "admin.server_groups"
    flash(text, "success")
    return redirect(url_for(page, server_id=server.id), code=303)


def _shown(form: ServerForm, server_id: int) -> ResponseReturnValue:
    server = servers.get_server(server_id)
    page = render_template(
        "admin/server.html",
        form=form,
        server=server,
        people=servers.count_tokens(server),
        audience=audience_of(server),
        bound=servers.count_bound_tokens(server, server.url),
        act=ConfirmForm(),
    )
    return page, 422 if form.is_submitted() else 200


def _what_was_done(changed: Changed) -> str:
    if not changed.fields:
        return str(_("Nothing was changed."))
    text = str(_("Changed."))
    if changed.held_tokens:
        text += " " + ngettext(
            "The token of %(num)s person is on hold until they confirm the new address.",
            "The tokens of %(num)s people are on hold until each of them confirms the new address.",
            changed.held_tokens,
        )
    return text
