"""Hostile heads: methods, ids, query strings and header fields that no route was made for."""

from __future__ import annotations

#: As they stand in the request line. `get` is not `GET` (RFC 9110, 9.1), but many servers think it is.
METHODS = (
    *("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND"),
    *("get", "post", "delete", "", "*", "G\xcbT", "X" * 5000),
)
#: Percent-encoded, as they stand in the URL.
IDS = (
    *("0", "-1", "+1", "2147483647", "2147483648", "9223372036854775808", "1" + "0" * 40, "9" * 5000),
    *("1.0", "1e3", "0x1", "1_0", "%20", "1%20", "%EF%BC%91", "%D9%A1", "NaN", "null", "None", "@mark@"),
    *("%00", "1%00", "%0A", "1%0D%0ASet-Cookie:%20a=b", "%FF", "%ED%A0%80", "%E2%80%AE", "%25", "%2500"),
    *("..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "..\\..\\etc", "%2fetc%2fpasswd", ";", "1;a=b", "{{7*7}}"),
    *("<script>@mark@", "'%20OR%201=1--", "a" * 300, "con", "favicon.svg%00.css"),
)
#: Names that must not stand in a URL: whatever stands under them is refused, and not repeated.
SECRET_NAMES = ("token", "TOKEN", "password", "mcp_auth_token", "api_key", "code", "authorization")
#: What pages read, and may show again: here no mark is sent.
SHOWN_NAMES = ("q", "after", "before", "next", "page", "expires_in", "expires_on")
VALUES = (
    *("", "%00", "a%00b", "%0d%0aSet-Cookie:%20a=b", "%ff%c0%af", "%ed%a0%80", "%f4%90%80%80", "%e2%80%ae"),
    *("-1", "0", "9" * 5000, "1e3", "NaN", "%EF%BC%91", "%25", "_", "%5C", "'", '"', "x" * 20_000),
    *("//evil.example", "/%5Cevil.example", "https:evil.example", "/%09/evil.example", "javascript:alert(1)"),
    *("%3Cb%3E", "%7B%7B7*7%7D%7D", "1&q=2&q=3", "[]", "W10=", "====", "A", "AA", "AAA", "-_", "+/"),
)
#: What browsers and proxies say about themselves and the request.
HEADERS = (
    *("USER_AGENT", "ACCEPT", "ACCEPT_LANGUAGE", "ACCEPT_ENCODING", "ACCEPT_CHARSET", "AUTHORIZATION"),
    *("X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO", "X_FORWARDED_PREFIX", "FORWARDED"),
    *("X_REQUEST_ID", "X_HTTP_METHOD_OVERRIDE", "X_METHOD_OVERRIDE", "X_ORIGINAL_URL", "X_REWRITE_URL"),
    *("IF_NONE_MATCH", "IF_MATCH", "IF_MODIFIED_SINCE", "IF_RANGE", "RANGE", "TE", "EXPECT", "UPGRADE"),
)
#: A WSGI server hands header bytes over as Latin-1 and lets no line break through.
HEADER_VALUES = {
    "marks": "@mark@",
    "controls": "@mark@\x01\x07\x1b[31m\x7f\t\x00",
    "bytes beyond ASCII": "@mark@\xff\xed\xa0\x80\xc3",
    "separators": '@mark@,;="\\ ,,;;q=@mark@;=,q=nan, q=1e999,"',
    "ranges": "bytes=0-@mark@,-9,99999999999999999999-,0-0,0-0",
    "credentials": "Basic @mark@:",
    "a date": "Thu, 99 Foo 99999 25:61:61 @mark@",
    "very long": "@mark@" * 2500,
    "nothing": "",
}
#: Each decides by itself whether a request goes on, so each is tried alone.
LONE_HEADERS = {
    "an origin": {"HTTP_ORIGIN": "https://@mark@.example"},
    "an origin that is none": {"HTTP_ORIGIN": "http://[::1@mark@"},
    "a referrer": {"HTTP_REFERER": "https://@mark@.example/\xff", "HTTP_ORIGIN": "null"},
    "a site": {"HTTP_SEC_FETCH_SITE": "@mark@\xff"},
    "a CSRF token": {"HTTP_X_CSRFTOKEN": "@mark@"},
    "a CSRF token of bytes": {"HTTP_X_CSRFTOKEN": "\xff\x00@mark@.."},
    "a content type": {"CONTENT_TYPE": "@mark@/\xff; charset=@mark@; boundary="},
    "a content encoding": {"HTTP_CONTENT_ENCODING": "@mark@"},
    "a transfer encoding": {"HTTP_TRANSFER_ENCODING": "@mark@, chunked"},
    "a protocol": {"SERVER_PROTOCOL": "@mark@/9"},
    "an address": {"REMOTE_ADDR": "\xff%eth0"},
    "no address": {"REMOTE_ADDR": ""},
}
#: Name → what is put over the WSGI environment.
HEADERS_BY_NAME = {
    f"{name} in every header": {f"HTTP_{header}": value for header in HEADERS}
    for name, value in HEADER_VALUES.items()
} | LONE_HEADERS
#: Sent by a client that keeps none of its own.
COOKIES_AND_HOSTS = {
    "a cookie": {"HTTP_COOKIE": "session=@mark@; remember_token=@mark@|0; csrf_token=@mark@"},
    "a signed look-alike": {"HTTP_COOKIE": "session=.eJw@mark@.aaaaaa.@mark@; known_browser=@mark@"},
    "a cookie of bytes": {"HTTP_COOKIE": 'session="\\377\\000@mark@\xff"; =; ;;@mark@=\x01; $Version=9'},
    "a large cookie": {"HTTP_COOKIE": "session=" + "@mark@" * 2000},
    "many cookies": {"HTTP_COOKIE": "; ".join(f"session=@mark@{n}" for n in range(500))},
    "another host": {"HTTP_HOST": "@mark@.example"},
    "a host that is none": {"HTTP_HOST": "@mark@\xff/..:99999999"},
    "no host": {"HTTP_HOST": "", "SERVER_NAME": "@mark@"},
    "two hosts": {"HTTP_HOST": "localhost, @mark@.example"},
}


def shown_queries() -> list[str]:
    """Return query strings of what pages read, one value under every name."""
    return ["&".join(f"{name}={value}" for name in SHOWN_NAMES) for value in VALUES]


def other_queries(*, with_mark: bool) -> list[str]:
    """Return query strings that hold a secret, or a name that nothing reads.

    With marks in such names only where nobody is sent on with the whole address.
    """
    secret = [f"{name}=@mark@" for name in SECRET_NAMES] + ["a=1&token=&token=@mark@"]
    unknown = ["x-unknown=@mark@", "@mark@", "@mark@=@mark@%00", "filter[@mark@]=%ff@mark@", "v=@mark@"]
    return secret + (unknown if with_mark else []) + ["&" * 2000, "=&=&%&%u1234&;"]
