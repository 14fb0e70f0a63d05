"""Admin → Servers → who may use one: everyone, or the people of some groups."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.errors import ChangedMeanwhileError, InvalidInputError, TokensWouldBeUnavailableError
from app.services import servers
from app.services.group_list import all_groups
from app.services.server_groups import audience_of, set_audience
from app.web import current
from app.web.admin.group_forms import AudienceForm


def groups_page(server_id: int) -> ResponseReturnValue:
    """Show for whom a server is there, and change it; only with consent to whom it is taken away from."""
    server = servers.get_server(server_id)
    form = AudienceForm(seen=server.updated_at.isoformat())
    form.asked, form.is_ticked = form.consent(), form.consent() is not None
    chosen = form.audience(audience_of(server))
    if form.validate_on_submit():
        try:
            changed = set_audience(
                server_id,
                chosen,
                current.actor(),
                unavailable_tokens=form.consent(),
                seen=form.seen_at(),
            )
        except InvalidInputError as error:
            form.show(error)
        except TokensWouldBeUnavailableError as error:
            form.ask(error.unavailable_tokens)
        except ChangedMeanwhileError:
            server = servers.get_server(server_id)
            form.seen.data = server.updated_at.isoformat()
            form.say("", _("Somebody else changed this server meanwhile, so nothing was changed."))
        else:
            flash(_("Changed.") if changed else _("Nothing was changed."), "success" if changed else "info")
            return redirect(url_for("admin.server_groups", server_id=server_id), code=303)
    page = render_template(
        "admin/server_groups.html",
        server=servers.get_server(server_id),
        form=form,
        chosen=chosen,
        present=audience_of(servers.get_server(server_id)),
        groups=all_groups(),
        people=servers.count_tokens(server),
    )
    return page, 422 if form.is_submitted() else 200
