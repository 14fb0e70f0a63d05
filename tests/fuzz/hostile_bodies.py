"""Hostile bodies: what no browser and no honest program sends. `@mark@` stands where a secret would."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
#: What a server that reads `Transfer-Encoding: chunked` for us says of a body without a length.
CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
#: Every field that a secret is typed into, in one form, and fields that no form has.
FIELDS = (
    "csrf_token=@csrf@&email=new%40example.com&token=@mark@&password=@mark@&current_password=@mark@"
    "&code=12345x&mcp_auth_token=@mark@&x-unknown=@mark@&@mark@=@mark@"
)
CREDENTIALS = '"email": "ann@example.com", "password": '


def utf8(text: str) -> bytes:
    """Return UTF-8, lone surrogates as their three bytes: what careless programs write."""
    return text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Body:
    """A body as text, how it is packed, and what the request says of it. `environ`: lies about it."""

    text: str
    content_type: str | None = JSON
    pack: Callable[[str], bytes] = utf8
    environ: dict[str, Any] = field(default_factory=dict)

    def request(self, mark: str, csrf_token: str) -> dict[str, Any]:
        """Return what a test client takes."""
        data = self.pack(self.text.replace("@mark@", mark).replace("@csrf@", csrf_token))
        environ = self.environ | ({"CONTENT_TYPE": self.content_type} if self.content_type else {})
        return {"data": data, "environ_overrides": environ}


def part(name: str, value: str, more: str = "") -> str:
    """Return one part of a multipart form."""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


JSON_TEXTS = {
    "null": "null",
    "a list": '["@mark@"]',
    "a text": '"@mark@"',
    "an empty object": "{}",
    "no JSON": "@mark@",
    "NaN": '{"token": "@mark@", "check": NaN}',
    "1e999": '{"token": "@mark@", "check": 1e999}',
    "a number of 5,000 digits": '{"token": "@mark@", "check": ' + "9" * 5000 + "}",
    "2,000 objects deep": '{"@mark@": ' * 2000 + "1" + "}" * 2000,
    "2,000 lists deep": '{"token": ' + "[" * 2000 + '"@mark@"' + "]" * 2000 + "}",
    "arguments 30 deep": '{"tool": "x", "arguments": ' + '{"a": ' * 30 + '"\u202e"' + "}" * 31,
    "truncated": '{"token":"@mark@',
    "duplicate keys": '{"token": "@mark@", "token": "@mark@"}',
    "escaped duplicate keys": '{"token": "@mark@", "tok\\u0065n": "@mark@"}',
    "a mark as key": '{"@mark@": 1}',
    "an unknown field": '{"token": "a-token-of-mine", "authorization": "@mark@"}',
    "prototype": '{"__proto__": {"token": "@mark@"}, "constructor": "@mark@"}',
    "a token": '{"token": "@mark@"}',
    "a token that ended": '{"token": "@mark@", "expires_at": "0001-01-01T00:00:00+23:59"}',
    "a token for ever": '{"token": "@mark@", "expires_at": "9999-12-31T23:59:59-23:59"}',
    "a token to check": '{"token": "@mark@", "check": true}',
    "a typed token": '{"mcp_auth_token": "@mark@"}',
    "a typed token and a tool": '{"tool": "\\u0007", "mcp_auth_token": "@mark@", "arguments": null}',
    "a token with NUL": '{"token": "@mark@\\u0000"}',
    "a typed token with a line break": '{"mcp_auth_token": "@mark@\\r\\nHost: evil.example"}',
    "an escaped lone surrogate": '{"token": "@mark@\\ud800"}',
    "a raw lone surrogate": '{"token": "@mark@\ud800"}',
    "a raw control character": '{"token": "@mark@\x01\n"}',
    "null for a text": '{"token": null, "email": null, "password": "@mark@", "tool": null}',
    "a list for a text": '{"token": ["@mark@"], "mcp_auth_token": ["@mark@"]}',
    "an object for a text": '{"token": {"@mark@": "@mark@"}, "mcp_auth_token": {"$ne": "@mark@"}}',
    "credentials": f'{{{CREDENTIALS}"@mark@"}}',
    "credentials with NUL": f'{{{CREDENTIALS}"@mark@\\u0000"}}',
    "credentials with a code": f'{{{CREDENTIALS}"@mark@", "code": "@mark@\\ud83d\\ude00"}}',
    "an endless password": f'{{{CREDENTIALS}"{"@mark@" * 1000}"}}',
}
BODIES: dict[str, Body] = {
    **{name: Body(text) for name, text in JSON_TEXTS.items()},
    "nothing": Body(""),
    "a byte order mark": Body('\ufeff{"token": "@mark@"}'),
    "UTF-16": Body('{"token": "@mark@"}', pack=lambda text: text.encode("utf-16")),
    "Latin-1": Body('{"token": "@mark@\xff"}', pack=lambda text: text.encode("latin-1")),
    "another charset": Body('{"token": "@mark@"}', "application/json; charset=utf-16"),
    "a charset that is none": Body('{"token": "@mark@"}', 'application/json; charset="@mark@\\"'),
    "gzip": Body(
        '{"token": "@mark@"}', JSON, lambda text: gzip.compress(utf8(text)), {"HTTP_CONTENT_ENCODING": "gzip"}
    ),
    "no content type": Body('{"token": "@mark@"}', None),
    "plain text": Body('{"token": "@mark@"}', "text/plain"),
    "XML": Body('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;@mark@</a>', "application/xml"),
    "a type that is none": Body("@mark@", "\xff/;;=,@mark@"),
    "a form": Body(FIELDS, FORM),
    "a form of another charset": Body(FIELDS, f"{FORM}; charset=utf-16"),
    "a form with bytes that are no UTF-8": Body(f"{FIELDS}&q=%ff%c0%af&%ed%a0%80=%00&token=%00", FORM),
    "a form with controls": Body("csrf_token=@csrf@&password=@mark@%00%0d%0a&code=%00%0a&token=%07", FORM),
    "a form with look-alikes": Body(FIELDS.replace("new", "n%D0%B5w%00"), FORM),
    "a form of 10,000 fields": Body(f"{FIELDS}{'&a=1' * 10_000}", FORM),
    "a form of separators": Body("&=&;&==&%&%%&%u0000&@mark@" + "&" * 1000, FORM),
    "a form in pieces": Body(FIELDS, FORM, environ=CHUNKED),
    "JSON in pieces": Body('{"token": "@mark@"}', JSON, environ=CHUNKED),
    "a length too long": Body(FIELDS, FORM, environ={"CONTENT_LENGTH": "60000"}),
    "a length too short": Body('{"token": "@mark@"}', JSON, environ={"CONTENT_LENGTH": "5"}),
    "a length below zero": Body(FIELDS, FORM, environ={"CONTENT_LENGTH": "-1"}),
    "a length that is no number": Body('{"token": "@mark@"}', JSON, environ={"CONTENT_LENGTH": "@"}),
    "a length of superscript digits": Body(FIELDS, FORM, environ={"CONTENT_LENGTH": "\u00b2\u00b3"}),
    "a length without end": Body("{}", JSON, environ={"CONTENT_LENGTH": "9" * 5000}),
    "multipart": Body(
        part("csrf_token", "@csrf@") + part("token", "@mark@") + part("password", "@mark@") + "--b--\r\n",
        MULTIPART,
    ),
    "multipart without a boundary": Body(part("token", "@mark@"), "multipart/form-data"),
    "multipart without an end": Body(part("token", "@mark@")[:-2], MULTIPART),
    "multipart with a broken header": Body("--b\r\n@mark@\r\n\r\n@mark@\r\n--b--\r\n", MULTIPART),
    "multipart with a file": Body(
        part("csrf_token", "@csrf@")
        + part("x-unknown", "@mark@", '; filename="../@mark@\x00"')
        + "--b--\r\n",
        MULTIPART,
    ),
    "multipart of 300 parts": Body(part("a", "@mark@") * 300 + "--b--\r\n", MULTIPART),
    "multipart with another charset": Body(
        part("password", "@mark@").replace("\r\n\r\n", "\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n")
        + "--b--\r\n",
        MULTIPART,
    ),
}
TWENTY_MEGABYTES = b'{"token": "' + b"x" * 20_000_000
#: Said and unsaid lengths; unsaid, a program would have to read to the end to know.
LARGE: dict[str, dict[str, Any]] = {
    f"20 MB {how} of {kind}": {
        "data": TWENTY_MEGABYTES,
        "environ_overrides": {"CONTENT_TYPE": kind} | environ,
    }
    for kind in (JSON, FORM, MULTIPART)
    for how, environ in (("at once", {}), ("in pieces", CHUNKED))
}
