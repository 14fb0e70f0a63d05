"""Playground: see which token a call would use, list a server's tools, call one."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.errors import InvalidInputError, MarketError, NotThereError
from app.mcp.client import Tool
from app.services.call_history import own_calls
from app.services.playground import Call, call_tool, list_tools
from app.services.token_list import Filter, TokenRow, get_row, list_tokens
from app.services.uses import Typed
from app.web import current
from app.web.problems import retry_headers
from app.web.tool_form import arguments_of
from app.web.workbench import SHOW, Workbench

playground = Blueprint("playground", __name__, url_prefix="/playground")


@playground.get("")
def servers() -> ResponseReturnValue:
    """Show the servers that I may use, with the token that a call would use. Contacts nobody."""
    wanted = Filter(
        query=request.args.get("q", "").strip(),
        status=request.args.get("status", ""),
        after=request.args.get("after", ""),
        only_usable=True,
    )
    page = list_tokens(current.user(), wanted)
    return render_template("playground/servers.html", page=page, wanted=wanted)


@playground.route("/<int:server_id>", methods=("GET", "POST"))
def server(server_id: int) -> ResponseReturnValue:
    """Show one server. GET contacts nobody; POST lists its tools, and calls the one that is named.

    With `show=code` the named one is not called: the call is shown as code.
    """
    row = _usable_row(server_id)
    bench = Workbench()
    if request.method == "POST":
        bench = _run(server_id)
        # A use can change what is known of the token.
        row = _usable_row(server_id)
    bench.not_stored = current.not_stored()
    bench.history = own_calls(current.user(), server_id)
    page = render_template("playground/server.html", row=row, bench=bench, not_stored=bench.not_stored)
    return page, bench.status, retry_headers(bench.status)


def _usable_row(server_id: int) -> TokenRow:
    row = get_row(current.user(), server_id)
    if not row.is_usable:
        raise NotThereError
    return row


def _run(server_id: int) -> Workbench:
    """Do what the form asks for. What goes wrong is kept for the page to say."""
    form = request.form.to_dict()
    text = form.pop("mcp_auth_token", "").strip()
    belongs_here, address = form.pop("belongs_here", "") == "y", form.pop("address", "") or None
    token = Typed(text, belongs_here, address=address) if text else None
    name = form.get("tool", "")
    bench = Workbench(typed=form, belongs_here=belongs_here)
    try:
        listed = list_tools(current.user(), server_id, token, door=current.door())
        bench.show_tools(listed.tools, name)
        if name:
            tool = _named(listed.tools, name)
            arguments = arguments_of(tool.input_schema, request.form)
            if form.get(SHOW) != "code":
                call = Call(tool.name, arguments, is_listed=True)
                bench.called = call_tool(current.user(), server_id, call, token, door=current.door())
            bench.show_code(listed, tool, arguments)
    except NotThereError:
        raise
    except MarketError as error:
        bench.problem = error
    return bench


def _named(tools: list[Tool], name: str) -> Tool:
    for tool in tools:
        if tool.name == name:
            return tool
    raise InvalidInputError("tool", "unknown_tool")
