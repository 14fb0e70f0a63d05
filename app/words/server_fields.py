"""Server fields: what is wrong with one that an admin gave, as a sentence. It never holds what was given.

`app.mcp.refusals` says the same for imports and commands, in English and as a part of a sentence.
"""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

REFUSED: Final = {
    ("name", "empty"): _l("Give it a name."),
    ("url", "empty"): _l("Write the full address of its MCP endpoint."),
    ("url", "too_long"): _l("An address has at most 2,048 characters."),
    ("url", "template"): _l("This is a template. Put what belongs there in place of { } or < >."),
    ("url", "characters"): _l("This has characters that an address cannot have."),
    ("url", "scheme"): _l("An address begins with https://."),
    ("url", "userinfo"): _l(
        "There is a user name or password in this address. It would take the place of people's tokens."
    ),
    ("url", "fragment"): _l("Leave out the part from # on: it is never sent."),
    ("url", "host"): _l("This has no valid host name."),
    ("url", "port"): _l("This has no valid port."),
    ("url", "plain_http"): _l(
        "Plain http:// is only for development, and for a host:port that EGRESS_ALLOW names."
    ),
    ("transport", "unknown"): _l("Choose streamable HTTP or SSE."),
    ("auth_header_name", "name"): _l("This is no header name."),
    ("auth_header_name", "reserved_host"): _l(
        "This header may not carry a token: it names the website that is asked, and with a token in its "
        "place the request would go astray. Most servers want Authorization."
    ),
    ("auth_header_name", "reserved_cookie"): _l(
        "This header may not carry a token: cookies are kept and passed on by others, and a token would end "
        "up where it does not belong. Most servers want Authorization."
    ),
    ("auth_header_name", "reserved_message"): _l(
        "This header may not carry a token: it says how long the message is and of what kind, and with a "
        "token in its place the server could not read it. Most servers want Authorization."
    ),
    ("auth_header_name", "reserved_way"): _l(
        "This header may not carry a token: it is meant for the machines on the way, which read it and take "
        "it off, so the token would end with them. Most servers want Authorization."
    ),
    ("auth_header_name", "reserved_request"): _l(
        "This header may not carry a token: servers read it as another method or address than the request "
        "has, and would do something else. Most servers want Authorization."
    ),
    ("auth_header_name", "reserved_mcp"): _l(
        "This header may not carry a token: every MCP connection sets it itself, and the two would break "
        "each other. Most servers want Authorization."
    ),
    ("auth_header_name", "reserved_logged"): _l(
        "This header may not carry a token: servers and proxies write it into their logs, where others read "
        "it. Most servers want Authorization."
    ),
    ("auth_value_format", "format"): _l("Write {token} once, where the token belongs."),
    ("auth_value_format", "characters"): _l(
        "A header's value is one line of at most 200 letters, digits and signs of ASCII, with {token} in it."
    ),
    ("auth_value_format", "secret"): _l(
        "This looks like a token, which everyone would see. Write {token} in its place."
    ),
    ("extra_headers", "line"): _l("Write one header a line, as Name: value."),
    ("extra_headers", "name"): _l("One of these is no header name."),
    ("extra_headers", "reserved_host"): _l(
        "One of these headers may not be set: Host names the website that is asked, which the address does."
    ),
    ("extra_headers", "reserved_cookie"): _l(
        "One of these headers may not be set: a cookie belongs to one person and mostly holds a secret."
    ),
    ("extra_headers", "reserved_message"): _l(
        "One of these headers may not be set: it says how long the message is and of what kind, which only "
        "the sender of each message knows."
    ),
    ("extra_headers", "reserved_way"): _l(
        "One of these headers may not be set: it is meant for the machines on the way."
    ),
    ("extra_headers", "reserved_request"): _l(
        "One of these headers may not be set: servers read it as another method, address or sender than the "
        "request has, and would do something else."
    ),
    ("extra_headers", "reserved_mcp"): _l(
        "One of these headers may not be set: every MCP connection sets it itself."
    ),
    ("extra_headers", "value"): _l("One of these values cannot be sent: each is one line of ASCII."),
    ("extra_headers", "secret"): _l("A further header may not hold a secret: everyone sees it."),
    ("extra_headers", "too_many"): _l("At most 50 further headers are sent along."),
    ("extra_headers", "twice"): _l("One of these headers is there twice."),
    ("file", "none"): _l("Choose a file, or paste its text."),
    ("file", "both"): _l("Choose files or paste a text, not both at once."),
    ("file", "too_many"): _l("At most 100 files are read at once."),
    ("file", "not_json"): _l("This is not JSON."),
    ("file", "too_deep"): _l("This JSON is nested too deeply."),
    ("file", "too_large"): _l("A catalogue has at most 8 MB here."),
    ("values", "secret"): _l("One of the answers looks like a token, which everybody would see."),
    ("token_help_url", "link"): _l("This is no http(s) address."),
    ("probe_tool", "tool_name"): _l("A tool's name is one line of at most 200 characters."),
}
