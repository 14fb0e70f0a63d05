"""Refusals: why an address, a header or a file is not taken, as sentences for admins, in English."""

from __future__ import annotations

from typing import Final

from app.errors import InvalidInputError
from app.mcp.token_headers import RESERVED_HEADERS

REFUSALS: Final = {
    ("url", "empty"): "the address is empty",
    ("url", "too_long"): "the address is too long",
    ("url", "template"): "the address is a template with a part to fill in",
    ("url", "secret"): "the address would hold a secret, and everyone sees addresses",
    ("url", "characters"): "the address has characters that do not belong into one",
    ("url", "scheme"): "the address does not begin with https://",
    ("url", "userinfo"): "the address has a user name or password in it",
    ("url", "fragment"): "the address has a fragment (#)",
    ("url", "host"): "the address has no valid host name",
    ("url", "port"): "the address has no valid port",
    ("url", "plain_http"): "http:// is only for development and for a host:port in EGRESS_ALLOW",
    ("file", "too_large"): "it is too large",
    ("file", "too_deep"): "its JSON is nested too deeply",
    ("file", "not_json"): "it is not JSON",
    ("file", "closed"): "it cannot be opened",
    ("name", "empty"): "the name is empty",
    ("transport", "unknown"): "the transport is neither streamable-http nor sse",
    ("name", "taken"): "other servers took its short name again and again",
    ("token_help_url", "link"): "the link is not an http(s) address",
    ("auth_header_name", "name"): "that is not a header name",
    ("auth_header_name", "reserved_host"): (
        "that header may not carry a token: it names the website that is asked"
    ),
    ("auth_header_name", "reserved_cookie"): (
        "that header may not carry a token: cookies are kept and passed on by others"
    ),
    ("auth_header_name", "reserved_message"): (
        "that header may not carry a token: it says how long and of what kind the message is"
    ),
    ("auth_header_name", "reserved_way"): (
        "that header may not carry a token: machines on the way read it and take it off"
    ),
    ("auth_header_name", "reserved_request"): (
        "that header may not carry a token: servers read it as another method or address"
    ),
    ("auth_header_name", "reserved_mcp"): (
        "that header may not carry a token: the MCP connection sets it itself"
    ),
    ("auth_header_name", "reserved_logged"): (
        "that header may not carry a token: servers and proxies write it into their logs"
    ),
    ("auth_value_format", "format"): "the format needs exactly one {token}",
    ("auth_value_format", "characters"): "the format has characters that a header cannot have",
    ("auth_value_format", "secret"): "the format would hold a secret, and everyone sees it",
    ("extra_headers", "name"): "that is not a header name",
    **{("extra_headers", reason): "that header may not be set" for reason in RESERVED_HEADERS},
    ("extra_headers", "value"): "its value cannot be sent",
    ("extra_headers", "secret"): "a further header may not hold a secret, everyone sees it",
    ("values", "secret"): "one of the answers looks like a token, which everybody would see",
    ("extra_headers", "too_many"): "it wants more headers than anybody sends",
    ("extra_headers", "too_long"): "a header is too long",
    ("extra_headers", "twice"): "a further header is given twice",
    ("probe_tool", "tool_name"): "a tool's name is one line of at most 200 characters",
}


def explain(error: InvalidInputError) -> str:
    """Return the sentence for a refusal, without capital and full stop."""
    if error.reason == "type":
        return f"its export does not say {error.field} in the right form"
    return REFUSALS.get((error.field, error.reason), str(error))
