"""Admin → Tokens: people by servers with the state of each token, asking to renew one, deleting one."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.errors import ChangedMeanwhileError, RenewalNotPossibleError
from app.services import people, servers
from app.services.server_places import MAX_QUERY_CHARS
from app.services.token_choice import Choice
from app.services.token_matrix import Cell, get_cell, list_cells
from app.services.token_removal import delete_token_of
from app.services.token_search import search
from app.services.token_totals import count_cells
from app.web import current, messages, renewing
from app.web.forms import ConfirmForm
from app.web.settings.activity import number_in

#: What of the list's address goes along, so that one comes back to the same place.
PLACE: Final = ("person", "server", "status", "after")


def list_page() -> ResponseReturnValue:
    """Show the tokens that are held, one person's cells or one server's; or who and what a search finds."""
    query = request.args.get("q", "").strip()[:MAX_QUERY_CHARS]
    if query:
        return _found(query)
    wanted = Choice(
        person_id=number_in("person"),
        server_id=number_in("server"),
        status=request.args.get("status", ""),
        after=request.args.get("after", ""),
    )
    totals = count_cells(wanted)
    return render_template(
        "admin/tokens.html",
        wanted=wanted,
        person=None if wanted.person_id is None else people.get_person(wanted.person_id),
        server=None if wanted.server_id is None else servers.get_server(wanted.server_id),
        totals=totals,
        page=list_cells(wanted, totals),
        place=place(),
        stores_tokens=current.keys().stores_tokens,
    )


def ask(user_id: int, server_id: int) -> ResponseReturnValue:
    """Ask the owner of a token to renew it, and say what came of it."""
    cell = get_cell(user_id, server_id)
    try:
        asked = renewing.ask(user_id, server_id, request.form.get("version", ""))
    except (ChangedMeanwhileError, RenewalNotPossibleError) as error:
        flash(messages.of_error(error), "error")
    else:
        flash(*renewing.what_came_of(asked, cell))
    return redirect(_back(), code=303)


def delete_page(user_id: int, server_id: int) -> ResponseReturnValue:
    """Ask, then delete the token that was looked at. Works whatever state token, server and key are in."""
    cell = get_cell(user_id, server_id)
    form = ConfirmForm()
    if form.validate_on_submit():
        try:
            is_gone = delete_token_of(user_id, server_id, request.form.get("version", ""), current.actor())
        except ChangedMeanwhileError as error:
            flash(messages.of_error(error), "error")
            here = url_for("admin.delete_token", user_id=user_id, server_id=server_id)
            return redirect(here + place(), code=303)
        flash(_what_was_deleted(cell, is_gone), "success" if is_gone else "info")
        return redirect(_back(), code=303)
    if cell.version is None:
        return redirect(_back(), code=303)
    return render_template("admin/delete_token.html", row=cell, form=form, place=place())


def place() -> str:
    """Return the query string that leads back to the same place in the list, "" for its beginning."""
    kept = {name: request.args[name] for name in PLACE if request.args.get(name)}
    return f"?{urlencode(kept)}" if kept else ""


def _back() -> str:
    return url_for("admin.tokens") + place()


def _found(query: str) -> ResponseReturnValue:
    """Lead to the one person or server that is found; show which there are when it is not one."""
    found = search(query)
    # Who is still typing (static/js/search.js) is not led away in the middle of a word.
    if len(found.people) + len(found.servers) == 1 and "X-Search" not in request.headers:
        person, server = next(iter(found.people), None), next(iter(found.servers), None)
        alone = url_for(
            "admin.tokens", person=person.id if person else None, server=server.id if server else None
        )
        return redirect(alone, code=303)
    return render_template("admin/tokens_found.html", found=found, query=query)


def _what_was_deleted(cell: Cell, is_gone: bool) -> str:
    names = {"person": cell.email, "server": cell.server}
    if not is_gone:
        return str(_("%(person)s had no token for %(server)s any more.", **names))
    return str(
        _(
            "Token of %(person)s for %(server)s deleted here. It was not revoked at the provider.",
            **names,
        )
    )
