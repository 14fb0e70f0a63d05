"""Registry: what the `server.json` entries of the public MCP registry propose for the catalogue.

Lenient about what is not needed (real entries are often slightly invalid), strict about what is: addresses
and headers. Pure: reads text, gives values. Source: server.json schema 2025-12-11, and the spellings before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from app.errors import InvalidInputError
from app.mcp.addresses import read_address
from app.mcp.catalogue import SSE, STREAMABLE_HTTP, Catalogue, Entry, ProposedServer, Skip, join_catalogues
from app.mcp.refusals import explain
from app.mcp.remote_auth import RemoteAuth, fill_in, read_remote_auth
from app.mcp.server_names import readable_name, tell_apart
from app.mcp.spellings import field_of
from app.mcp.texts import DESCRIPTION_CHARS, NAME_CHARS, clean_text

if TYPE_CHECKING:
    from app.mcp.egress import Egress

#: The whole public registry is about 5 MB.
MAX_CATALOGUE_BYTES: Final = 32 * 1024 * 1024
#: How entries write a transport; `streamable` was the word before 2025-09-16.
TRANSPORTS: Final = {
    "streamable-http": STREAMABLE_HTTP,
    "streamable": STREAMABLE_HTTP,
    "http": STREAMABLE_HTTP,
    "sse": SSE,
}
#: Where the registry's list API puts status and version, and where it did before.
OFFICIAL: Final = ("io.modelcontextprotocol.registry/official", "io.modelcontextprotocol.registry")


def read_catalogue(content: bytes | str, egress: Egress) -> Catalogue:
    """Return what one entry, a list page or a list of entries proposes.

    Raises InvalidInputError("file", `too_large`, `too_deep` or `not_json`); whatever else is wrong is
    skipped, and said why.
    """
    entries: list[Entry] = []
    skipped: list[Skip] = []
    for record in _records(_parse(content)):
        try:
            entry, left_out = _read_entry(record, egress)
        except _NotUsableError as refusal:
            skipped.append(Skip(_name_of(record) or "an entry without a name", refusal.why))
            continue
        entries.append(entry)
        skipped += left_out
    return join_catalogues([Catalogue(tuple(entries), tuple(skipped))])


class _NotUsableError(Exception):
    """The entry or remote yields no server."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _parse(content: bytes | str) -> Any:
    if len(content) > MAX_CATALOGUE_BYTES:
        raise InvalidInputError("file", "too_large")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        return json.loads(text)
    except RecursionError:
        raise InvalidInputError("file", "too_deep") from None
    except ValueError:
        # Also bytes that are no UTF-8, and numbers of thousands of digits.
        raise InvalidInputError("file", "not_json") from None


def _records(document: Any) -> list[Any]:
    servers = field_of(document, "servers")
    if isinstance(servers, list):
        return servers
    return document if isinstance(document, list) else [document]


def _body(record: Any) -> Any:
    """Return the entry itself, out of the list API's wrapper."""
    wrapped = field_of(record, "server")
    return wrapped if isinstance(wrapped, Mapping) else record


def _name_of(record: Any) -> str:
    return clean_text(field_of(_body(record), "name"), NAME_CHARS)


def _read_entry(record: Any, egress: Egress) -> tuple[Entry, list[Skip]]:
    body = _body(record)
    name = _name_of(record)
    # A name is an identity: one that has to be cleaned or cut could be taken for another.
    if not name or name != field_of(body, "name"):
        raise _NotUsableError("it is not a server.json entry with a name")
    _refuse_outdated(record, body)
    skipped: list[Skip] = []
    found: dict[str, tuple[ProposedServer, RemoteAuth]] = {}
    title = clean_text(field_of(body, "title"), NAME_CHARS) or readable_name(name)[:NAME_CHARS]
    description = clean_text(field_of(body, "description"), DESCRIPTION_CHARS)
    blank = ProposedServer(title, "", registry_name=name, description=description)
    for remote in _remotes(body, name, skipped):
        try:
            server, auth = _read_remote(remote, blank, egress)
        except InvalidInputError as error:
            skipped.append(Skip(_shown(name, remote), explain(error)))
            continue
        skipped += [Skip(f"{name} {server.url}: header {header}", why) for header, why in auth.dropped]
        if server.url in found:
            skipped.append(Skip(f"{name} {server.url}", "listed more than once"))
            if found[server.url][1].is_declared or not auth.is_declared:
                continue
        found[server.url] = (server, auth)
    if not found:
        reasons = {skip.why for skip in skipped}
        raise _NotUsableError("; ".join(sorted(reasons)))
    names = tell_apart(title, list(found))
    servers = (replace(server, name=each) for each, (server, _) in zip(names, found.values(), strict=True))
    return Entry(name, tuple(servers)), skipped


def _refuse_outdated(record: Any, body: Any) -> None:
    """Raise unless the entry is active and the latest; one that says nothing of it is both."""
    facts = [body, field_of(body, "version_detail")]
    for holder in (record, body):
        for meta in (field_of(holder, "_meta"), holder):
            facts += [field_of(meta, key) for key in OFFICIAL] + [field_of(meta, f"x-{OFFICIAL[1]}")]
    for known in facts:
        status = field_of(known, "status")
        if isinstance(status, str) and status.lower() != "active":
            raise _NotUsableError(f"its status is {clean_text(status, 40) or 'empty'}")
        if field_of(known, "isLatest") is False:
            raise _NotUsableError("it is not the latest version")


def _remotes(body: Any, name: str, skipped: list[Skip]) -> Iterator[Mapping[str, Any]]:
    """Yield the remotes of the transport to use: streamable HTTP, or SSE when the entry has no other."""
    listed = field_of(body, "remotes")
    by_transport: dict[str, list[Mapping[str, Any]]] = {STREAMABLE_HTTP: [], SSE: []}
    for remote in listed if isinstance(listed, list) else []:
        transport = _transport(remote)
        if transport:
            by_transport[transport].append(remote)
        else:
            skipped.append(Skip(_shown(name, remote), "its transport is neither streamable-http nor sse"))
    if not any(by_transport.values()) and not skipped:
        has_packages = bool(field_of(body, "packages"))
        why = "it has only packages to run, no address to call" if has_packages else "it has no remotes"
        raise _NotUsableError(why)
    if by_transport[STREAMABLE_HTTP]:
        for remote in by_transport[SSE]:
            skipped.append(Skip(_shown(name, remote), "SSE is used only where there is no streamable HTTP"))
    yield from by_transport[STREAMABLE_HTTP] or by_transport[SSE]


def _transport(remote: Any) -> str | None:
    word = field_of(remote, "type") or field_of(remote, "transportType")
    return TRANSPORTS.get(word.lower().replace("_", "-")) if isinstance(word, str) else None


def _read_remote(
    remote: Mapping[str, Any], blank: ProposedServer, egress: Egress
) -> tuple[ProposedServer, RemoteAuth]:
    url = field_of(remote, "url")
    if not isinstance(url, str):
        raise InvalidInputError("url", "empty")
    address = read_address(fill_in(url, field_of(remote, "variables")), egress)
    headers = field_of(remote, "headers")
    auth = read_remote_auth(headers if isinstance(headers, list) else [])
    server = replace(
        blank,
        url=address,
        transport=_transport(remote) or STREAMABLE_HTTP,
        auth_header_name=auth.header_name,
        auth_value_format=auth.value_format,
        token_required=auth.token_required,
        extra_headers=auth.extra_headers,
        token_help=auth.token_help,
        token_help_url=auth.token_help_url,
        token_placeholder=auth.token_placeholder,
        disabled_reason=auth.disabled_reason,
    )
    return server, auth


def _shown(name: str, remote: Any) -> str:
    return f"{name} {clean_text(field_of(remote, 'url'), NAME_CHARS)}".strip()
