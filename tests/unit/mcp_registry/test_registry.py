"""Registry entries: spellings, wrappers, odd and hostile ones."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.mcp.catalogue import SSE, Catalogue, Entry, ProposedServer, join_catalogues
from app.mcp.egress import Egress
from app.mcp.registry import read_catalogue
from app.mcp.remote_auth import MAX_HEADERS
from app.mcp.token_headers import RESERVED_HEADERS, TOKEN

PRODUCTION = Egress(allow=frozenset(), plain_http=False)
OFFICIAL = "io.modelcontextprotocol.registry/official"


def remote(url: str = "https://mcp.example.com/mcp", **facts: Any) -> dict[str, Any]:
    return {"type": "streamable-http", "url": url, **facts}


def entry(*remotes: Any, name: str = "com.example/mcp", **facts: Any) -> dict[str, Any]:
    return {"name": name, "description": "", "version": "1", "remotes": list(remotes), **facts}


def read(document: Any) -> Catalogue:
    return read_catalogue(json.dumps(document), PRODUCTION)


def servers_of(document: Any) -> tuple[ProposedServer, ...]:
    return tuple(server for found in read(document).entries for server in found.servers)


def server_of(*headers: Any) -> ProposedServer:
    [server] = servers_of(entry(remote(headers=list(headers))))
    return server


def auth_of(*headers: Any) -> str:
    server = server_of(*headers)
    assert server.is_enabled, server.disabled_reason
    return f"{server.auth_header_name}: {server.auth_value_format}"


@pytest.mark.parametrize(
    "document",
    [
        entry(remote()),
        {"server": entry(remote()), "_meta": {OFFICIAL: {"status": "active", "isLatest": True}}},
        {"servers": [{"server": entry(remote())}], "metadata": {"count": 1}},
        {"servers": [entry(remote())]},
        [entry(remote())],
        [{"server": entry(remote())}],
    ],
)
def test_an_entry_is_found_in_every_wrapper(document: Any) -> None:
    assert [server.url for server in servers_of(document)] == ["https://mcp.example.com/mcp"]


def test_the_spellings_before_september_2025_mean_the_same() -> None:
    header = {"name": "X-Thing", "description": "Ask your admin", "placeholder": "abc"}
    new = entry(
        {
            "type": "sse",
            "url": "https://a.example/sse",
            "headers": [header | {"isSecret": True, "isRequired": False}],
        }
    )
    old = entry(
        {
            "transport_type": "sse",
            "url": "https://a.example/sse",
            "headers": [header | {"is_secret": True, "is_required": False}],
        }
    )

    [server] = servers_of(old)

    assert (server,) == servers_of(new)
    assert (server.transport, server.auth_header_name, server.token_required) == (SSE, "X-Thing", False)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"server": entry(remote()), "_meta": {OFFICIAL: {"status": "deleted"}}}, "its status is deleted"),
        (
            {"server": entry(remote()), "_meta": {OFFICIAL: {"isLatest": False}}},
            "it is not the latest version",
        ),
        (
            {"server": entry(remote()), "_meta": {OFFICIAL: {"is_latest": False}}},
            "it is not the latest version",
        ),
        (entry(remote(), _meta={OFFICIAL: {"isLatest": False}}), "it is not the latest version"),
        (entry(remote(), version_detail={"is_latest": False}), "it is not the latest version"),
        (entry(remote(), status="deprecated"), "its status is deprecated"),
        (entry(), "it has no remotes"),
        (entry(packages=[{}]), "it has only packages to run, no address to call"),
        (entry({"type": "stdio"}), "its transport is neither streamable-http nor sse"),
        (
            entry(remote("http://mcp.example.com")),
            "http:// is only for development and for a host:port in EGRESS_ALLOW",
        ),
        (entry(remote("https://{host}/mcp")), "the address is a template with a part to fill in"),
        (entry({"type": "sse"}), "the address is empty"),
        ({"remotes": [remote()]}, "it is not a server.json entry with a name"),
        (entry(remote(), name="a\x1b[2Jb"), "it is not a server.json entry with a name"),
        (entry(remote(), name="a" * 201), "it is not a server.json entry with a name"),
        (42, "it is not a server.json entry with a name"),
        (None, "it is not a server.json entry with a name"),
    ],
)
def test_what_cannot_be_used_is_skipped_with_the_reason(document: Any, why: str) -> None:
    catalogue = read(document)

    assert catalogue.entries == ()
    assert [skip.why for skip in catalogue.skipped] == [why]


@pytest.mark.parametrize(
    "version", [{"repository": {}}, {"icons": 3}, {"title": None}, {"unknown": [[]]}, {"_meta": []}]
)
def test_what_is_not_needed_may_be_anything(version: dict[str, Any]) -> None:
    assert len(servers_of(entry(remote(), **version))) == 1


@pytest.mark.parametrize(
    ("header", "auth"),
    [
        ({"name": "Authorization", "value": "Bearer {x}"}, "Authorization: Bearer {token}"),
        ({"name": "Authorization", "value": "App {K}", "isSecret": True}, "Authorization: App {token}"),
        ({"name": "Authorization", "value": "Bearer ${API_KEY}"}, "Authorization: Bearer {token}"),
        ({"name": "Authorization", "value": "Bearer {{api_key}}"}, "Authorization: Bearer {token}"),
        ({"name": "Authorization", "value": "Bearer <token>"}, "Authorization: Bearer {token}"),
        ({"name": "authorization"}, "authorization: Bearer {token}"),
        ({"name": "Authorization", "value": " "}, "Authorization: Bearer {token}"),
        ({"name": "X-Key", "value": "{x}"}, "X-Key: {token}"),
        ({"name": "X-Thing", "isSecret": True}, "X-Thing: {token}"),
        ({"name": "X-Thing", "value": "{thing}"}, "X-Thing: {token}"),
        ({"name": "X-Thing", "value": "v={t}", "variables": {"t": {"isSecret": True}}}, "X-Thing: v={token}"),
        ({"name": "X-Api-TOKEN", "isSecret": False}, "X-Api-TOKEN: {token}"),
        ({"name": "my-password"}, "my-password: {token}"),
        ({"name": "Client-Secret", "default": "changeme"}, "Client-Secret: {token}"),
    ],
)
def test_the_one_secret_header_takes_the_token(header: dict[str, Any], auth: str) -> None:
    assert auth_of(header) == auth


@pytest.mark.parametrize(
    ("required", "expected"), [({}, True), ({"isRequired": True}, True), ({"isRequired": False}, False)]
)
def test_a_token_is_required_unless_its_header_says_that_it_is_not(
    required: dict[str, Any], expected: bool
) -> None:
    assert server_of({"name": "X-Key", **required}).token_required is expected


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([{"name": "X-Key"}, {"name": "X-Secret"}], "It wants 2 secrets (X-Key, X-Secret); one can be sent."),
        (
            [{"name": "A", "value": "{a}"}, {"name": "B", "value": "{b}"}],
            "It wants 2 secrets (A, B); one can be sent.",
        ),
        (
            [{"name": "X-Key", "value": "{id}:{key}"}],
            "The header X-Key wants more than one secret; one can be sent.",
        ),
        (
            [{"name": "X-Key", "value": "published"}],
            "The header X-Key has a fixed value where a token belongs.",
        ),
        (
            [{"name": "X-Org", "isRequired": True}],
            "It needs the header X-Org, but its entry gives no value for it.",
        ),
        (
            [{"name": "X-Key"}, {"name": "X-Org", "isRequired": True, "value": "{org}"}],
            "It needs the header X-Org, but its entry gives no value for it.",
        ),
        (
            [{"name": "Host", "isRequired": True, "value": "other.example"}],
            "It needs the header Host, but that header may not be set.",
        ),
    ],
)
def test_what_cannot_be_sent_disables_the_server_with_the_reason(headers: list[Any], reason: str) -> None:
    server = server_of(*headers)

    assert (server.is_enabled, server.disabled_reason) == (False, reason)
    assert "published" not in repr(server)


def test_fixed_headers_are_sent_and_the_rest_is_listed() -> None:
    catalogue = read(
        entry(
            remote(
                headers=[
                    {"name": "X-Key"},
                    {"name": "X-Mode", "value": "fast"},
                    {"name": "X-Region", "default": "eu"},
                    {"name": "X-Zone", "value": "{zone}-1", "variables": {"zone": {"default": "a"}}},
                    {"name": "x-mode", "value": "slow"},
                    {"name": "X-Org"},
                    {"name": "Content-Type", "value": "application/json", "isRequired": True},
                    {"name": "Cookie", "value": "a=b"},
                    {"name": "X-Line", "value": "a\r\nb"},
                    {"name": "X Y", "value": "a"},
                ]
            )
        )
    )

    [server] = catalogue.entries[0].servers
    assert server.extra_headers == {"X-Mode": "fast", "X-Region": "eu", "X-Zone": "a-1"}
    assert server.is_enabled
    assert [(skip.what.rpartition(" ")[2], skip.why) for skip in catalogue.skipped] == [
        ("x-mode", "it stands there twice"),
        ("X-Org", "its entry gives no value for it"),
        ("Content-Type", "the transport sets it itself"),
        ("Cookie", "that header may not be set"),
        ("X-Line", "its value cannot be sent"),
        ("Y", "that is not a header name"),
    ]


@pytest.mark.parametrize(
    "name", ["", "X Key", "X-Key\r\n", "키-key", "a" * 101, "Cookie", "Proxy-Authorization", "Mcp-Token"]
)
def test_a_remote_whose_token_header_cannot_be_sent_is_skipped(name: str) -> None:
    catalogue = read(entry(remote(headers=[{"name": name, "isSecret": True}])))

    assert catalogue.entries == ()
    assert len(catalogue.skipped) == 1


def test_no_header_facts_mean_bearer_and_perhaps_no_token() -> None:
    server = server_of()

    assert (server.auth_header_name, server.auth_value_format) == ("Authorization", "Bearer {token}")
    assert not server.token_required


def test_sse_is_used_only_by_an_entry_without_streamable_http() -> None:
    sse = {"type": "sse", "url": "https://a.example/sse"}

    assert [server.transport for server in servers_of(entry(sse))] == [SSE]
    assert SSE not in [server.transport for server in servers_of(entry(sse, remote()))]


def test_a_url_listed_twice_is_one_server_and_the_one_with_a_header_wins() -> None:
    [server] = servers_of(entry(remote(), remote(headers=[{"name": "X-Key"}]), remote()))

    assert server.auth_header_name == "X-Key"
    assert server.name == "Example"


def test_variables_of_an_address_are_filled_in_when_their_value_is_given() -> None:
    given_value = remote("https://{region}.example.com/mcp", variables={"region": {"default": "eu"}})
    hidden = remote("https://{key}.example.com/mcp", variables={"key": {"default": "k", "isSecret": True}})

    assert [server.url for server in servers_of(entry(given_value, hidden))] == ["https://eu.example.com/mcp"]


def test_remotes_of_one_entry_have_different_names() -> None:
    urls = [
        *(
            "https://a.example/x/y",
            "https://a.example/y/x",
            "https://b.example/x/y",
            "https://b.example:8443/x/y",
        ),
        *(
            "http://a.example/x",
            "https://a.example/x?y=1",
            "https://a.example/" + "z" * 900,
            "https://a.example/",
        ),
    ]

    names = [server.name for server in servers_of(entry(*map(remote, urls), title="T" * 300))]

    assert len(set(names)) == len(names) == 7
    assert all(len(name) <= 200 for name in names)


def test_texts_are_one_short_printable_line_and_links_are_http() -> None:
    header = {
        "name": "X-Key",
        "description": "See\x00 javascript:alert(1)\nor <https://a.example/keys>.",
        "placeholder": "p\ud800",
    }
    [server] = servers_of(
        entry(remote(headers=[header]), title="A\u202eB\x1b[31m\nC", description="d" * 5000)
    )

    assert server.name == "AB[31m C"
    assert len(server.description) == 1000
    assert server.token_help == "See javascript:alert(1) or <https://a.example/keys>."
    assert server.token_help_url == "https://a.example/keys"
    assert server.token_placeholder == "p"


def test_of_entries_with_one_name_the_last_counts() -> None:
    catalogue = read([entry(remote("https://old.example")), entry(remote("https://new.example"))])

    assert [server.url for found in catalogue.entries for server in found.servers] == ["https://new.example"]
    assert [skip.why for skip in catalogue.skipped] == ["listed more than once; the last one counts"]


def test_joining_keeps_what_each_skipped() -> None:
    first, second = read(entry(name="a/b")), read(entry(remote()))

    joined = join_catalogues([first, second])

    assert (len(joined.entries), len(joined.skipped)) == (1, 1)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"\x89PNG\r\n", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, b"nope"],
)
def test_what_is_no_json_is_unreadable_and_not_quoted(content: bytes | str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_catalogue(content, PRODUCTION)

    assert "nope" not in str(caught.value)


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert read_catalogue(b"\xef\xbb\xbf[]", PRODUCTION) == Catalogue((), ())


WORDS = st.sampled_from(
    [
        *("servers", "server", "name", "remotes", "headers", "url", "type", "value", "variables", "isSecret"),
        *(
            "is_secret",
            "_meta",
            OFFICIAL,
            "status",
            "isLatest",
            "packages",
            "title",
            "placeholder",
            "default",
        ),
        *(
            "streamable-http",
            "sse",
            "https://a.example/{x}",
            "Bearer {a} {b}",
            "active",
            "Authorization",
            "a/b",
        ),
    ]
)
TEXTS = WORDS | st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=30,
)
HEADERS = st.lists(
    JSON
    | st.fixed_dictionaries({"name": TEXTS}, optional={"value": TEXTS, "isSecret": JSON, "variables": JSON}),
    max_size=4,
)
REMOTES = st.lists(
    JSON
    | st.fixed_dictionaries(
        {
            "type": st.sampled_from(["sse", "streamable-http"]),
            "url": TEXTS | st.text(max_size=20).map("https://{}".format),
        },
        optional={"headers": HEADERS, "variables": JSON},
    ),
    max_size=4,
)
ENTRIES = JSON | st.fixed_dictionaries(
    {"name": TEXTS, "remotes": REMOTES}, optional={"title": JSON, "_meta": JSON}
)


def usable(found: Entry) -> bool:
    """Whether everything in it may be stored and sent."""
    return all(
        server.url.startswith("https://")
        and server.url.isascii()
        and server.auth_value_format.count(TOKEN) == 1
        and not any(names.fullmatch(server.auth_header_name) for names in RESERVED_HEADERS.values())
        and all(f"{name}{value}".isprintable() for name, value in server.extra_headers.items())
        and f"{server.name}{server.description}{server.token_help}{server.token_placeholder}".isprintable()
        and 0 < len(server.name) <= 200
        and len(server.disabled_reason or "") <= 500
        for server in found.servers
    )


@given(ENTRIES)
def test_any_json_yields_usable_servers_or_reasons(document: Any) -> None:
    catalogue = read_catalogue(json.dumps(document), PRODUCTION)

    assert all(usable(found) and found.servers for found in catalogue.entries)
    assert all(skip.why and skip.what.isprintable() for skip in catalogue.skipped)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_content_is_read_or_refused(content: bytes | str) -> None:
    with contextlib.suppress(InvalidInputError):
        read_catalogue(content, PRODUCTION)


@pytest.mark.parametrize(
    "name",
    [
        *("X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"),
        *("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-FORWARDED-PROTO"),
    ],
)
def test_a_header_that_makes_another_request_of_it_is_left_out(name: str) -> None:
    found = read(entry(remote(headers=[{"name": "X-Key"}, {"name": name, "value": "DELETE"}])))

    [server] = [server for one in found.entries for server in one.servers]
    assert server.extra_headers == {}
    assert [skip.why for skip in found.skipped] == ["that header may not be set"]


def test_a_header_whose_value_looks_like_a_token_is_left_out_and_not_shown() -> None:
    token = "ghp_" + "a1B2" * 9
    given = {"name": "X-Tenant", "value": token}
    filled = {"name": "X-Zone", "value": "{zone}", "variables": {"zone": {"default": token}}}
    document = entry(remote(headers=[{"name": "X-Key"}, given, filled, {"name": "X-Org", "value": "acme"}]))

    found = read(document)

    [server] = [server for one in found.entries for server in one.servers]
    assert server.extra_headers == {"X-Org": "acme"}
    [why] = {skip.why for skip in found.skipped}
    assert why == "a further header may not hold a secret, everyone sees it"
    assert token not in repr((found.entries, found.skipped))


@pytest.mark.parametrize("has_token", [True, False])
def test_an_entry_brings_as_many_further_headers_as_an_admin_may_give(has_token: bool) -> None:
    token = [{"name": "X-Key"}] if has_token else []

    def bring(count: int) -> Catalogue:
        fixed = [{"name": f"X-{number}", "value": "1"} for number in range(count)]
        return read(entry(remote(headers=[*token, *fixed])))

    [[server]] = [one.servers for one in bring(MAX_HEADERS).entries]
    assert len(server.extra_headers) == MAX_HEADERS
    [why] = [skip.why for skip in bring(MAX_HEADERS + 1).skipped]
    assert why == "it wants more headers than anybody sends"
