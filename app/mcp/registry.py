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
from app.mcp.export_facts import facts_of_remotes, hand_slug, is_hand_name
from app.mcp.placeholders import (
    MAX_TEMPLATE_CHARS,
    NO_ANSWERS,
    PLACEHOLDER,
    Answers,
    Blanks,
    KeptServer,
    Question,
    has_secret,
    read_back,
)
from app.mcp.refusals import explain
from app.mcp.remote_auth import RemoteAuth, read_remote_auth
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
#: Far more than any entry has. Each is compared with every server that came from the entry.
MAX_TEMPLATES: Final = 200
#: Where the registry's list API puts status and version, and where it did before.
OFFICIAL: Final = ("io.modelcontextprotocol.registry/official", "io.modelcontextprotocol.registry")


def read_catalogue(content: bytes | str, egress: Egress, answers: Answers = NO_ANSWERS) -> Catalogue:
    """Return what one entry, a list page or a list of entries proposes.

    Raises InvalidInputError("file", `too_large`, `too_deep` or `not_json`); whatever else is wrong is
    skipped, and said why.
    """
    return read_document(parse(content), egress, answers)


def parse(content: bytes | str) -> Any:
    """Return what the JSON text stands for. Raises as `read_catalogue` does."""
    if len(content) > MAX_CATALOGUE_BYTES:
        raise InvalidInputError("file", "too_large")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
        return json.loads(text)
    except RecursionError:
        raise InvalidInputError("file", "too_deep") from None
    except ValueError:
        # Also bytes that are no UTF-8, and numbers of thousands of digits.
        raise InvalidInputError("file", "not_json") from None


def read_document(document: Any, egress: Egress, answers: Answers = NO_ANSWERS) -> Catalogue:
    """Return what a parsed document proposes; what cannot be used is skipped, and said why."""
    return join_catalogues(_EntryReader(record, egress, answers).read() for record in _records(document))


class _NotUsableError(Exception):
    """The entry or remote yields no server."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


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


class _EntryReader:
    """One entry as it is read: what it asks for and what is left out of it, up to now."""

    def __init__(self, record: Any, egress: Egress, answers: Answers) -> None:
        self._record = record
        self._body = _body(record)
        self._name = _name_of(record)
        self._egress = egress
        self._given = answers.given
        self._looked = answers.kept is not None
        self._kept = tuple((answers.kept or {}).get(self._name, ()))
        self._current = [kept for kept in self._kept if kept.is_current]
        #: Of several with one address the current one, and else the first.
        self._kept_by_url = {kept.url: kept for kept in (*reversed(self._kept), *reversed(self._current))}
        self._skipped: list[Skip] = []
        self._refused: list[str] = []
        self._questions: dict[str, Question] = {}

    def read(self) -> Catalogue:
        """Return the entry alone in a catalogue, or why there is none."""
        try:
            entry = self._entry()
        except _NotUsableError as refusal:
            skip = Skip(self._name or "an entry without a name", refusal.why)
            return Catalogue((), (skip,), tuple(self._questions.values()))
        return Catalogue((entry,), tuple(self._skipped), tuple(self._questions.values()))

    def _entry(self) -> Entry:
        # A name is an identity: one that has to be cleaned or cut could be taken for another.
        if not self._name or self._name != field_of(self._body, "name"):
            raise _NotUsableError("it is not a server.json entry with a name")
        _refuse_outdated(self._record, self._body)
        found: dict[tuple[str, Any], tuple[ProposedServer, RemoteAuth]] = {}
        blank = self._blank()
        for remote, own in self._remotes():
            try:
                server, auth = self._read_remote(remote, blank)
            except InvalidInputError as error:
                self._refused.append(str(field_of(remote, "url")))
                self._skipped.append(Skip(_shown(self._name, remote), explain(error)))
                continue
            server = replace(server, own=own)
            if own is None:
                where = f"{self._name} {server.url}"
                self._skipped += [Skip(f"{where}: header {header}", why) for header, why in auth.dropped]
            # Two of one address are two only in an export, which knows them by their short names.
            key = (server.url, None if own is None else str(field_of(own, "slug")))
            if key in found:
                self._skipped.append(Skip(f"{self._name} {server.url}", "listed more than once"))
                if found[key][1].is_declared or not auth.is_declared:
                    continue
            found[key] = (server, auth)
        if not found:
            reasons = {skip.why for skip in self._skipped}
            raise _NotUsableError("; ".join(sorted(reasons)))
        names = tell_apart(blank.name, [server.url for server, _ in found.values()])
        servers = (
            replace(server, name=name) for name, (server, _) in zip(names, found.values(), strict=True)
        )
        kept = self._kept if self._looked and self._questions else None
        return Entry(self._name, tuple(servers), frozenset(self._refused), kept)

    def _blank(self) -> ProposedServer:
        """Return what all servers of the entry have in common."""
        by_hand = is_hand_name(self._name)
        return ProposedServer(
            clean_text(field_of(self._body, "title"), NAME_CHARS) or readable_name(self._name)[:NAME_CHARS],
            "",
            registry_name=None if by_hand else self._name,
            description=clean_text(field_of(self._body, "description"), DESCRIPTION_CHARS),
            slug=hand_slug(self._name),
        )

    def _remotes(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
        """Yield the remotes to use, each with what an export says of it besides, None for nothing.

        Those are the ones of streamable HTTP, or of SSE when the entry has no other; all of an export.
        """
        listed = field_of(self._body, "remotes")
        listed = listed if isinstance(listed, list) else []
        facts = facts_of_remotes(self._record, len(listed))
        templates = 0
        by_transport: dict[str, list[tuple[Mapping[str, Any], Mapping[str, Any] | None]]] = {
            STREAMABLE_HTTP: [],
            SSE: [],
        }
        for remote, own in zip(listed, facts, strict=True):
            transport = _transport(remote)
            templates += _is_template(remote)
            if templates > MAX_TEMPLATES and _is_template(remote):
                why = f"its entry has more than {MAX_TEMPLATES} addresses to fill in"
                self._skipped.append(Skip(_shown(self._name, remote), why))
            elif transport:
                by_transport[transport if own is None else STREAMABLE_HTTP].append((remote, own))
            else:
                why = "its transport is neither streamable-http nor sse"
                self._skipped.append(Skip(_shown(self._name, remote), why))
        if not any(by_transport.values()) and not self._skipped:
            has_packages = bool(field_of(self._body, "packages"))
            why = "it has only packages to run, no address to call" if has_packages else "it has no remotes"
            raise _NotUsableError(why)
        if by_transport[STREAMABLE_HTTP]:
            for remote, _ in by_transport[SSE]:
                why = "SSE is used only where there is no streamable HTTP"
                self._skipped.append(Skip(_shown(self._name, remote), why))
        yield from by_transport[STREAMABLE_HTTP] or by_transport[SSE]

    def _read_remote(
        self, remote: Mapping[str, Any], blank: ProposedServer
    ) -> tuple[ProposedServer, RemoteAuth]:
        url, variables = field_of(remote, "url"), field_of(remote, "variables")
        if not isinstance(url, str):
            raise InvalidInputError("url", "empty")
        if len(url) > MAX_TEMPLATE_CHARS:
            raise InvalidInputError("url", "too_long")
        blanks = Blanks(self._name, self._given, self._kept_for(url))
        filled = blanks.fill_address(url, variables)
        if has_secret(filled, variables):
            raise InvalidInputError("url", "secret")
        headers = field_of(remote, "headers")
        try:
            # Also where the address is open yet: whoever fills it in is asked everything at once.
            auth = read_remote_auth(headers if isinstance(headers, list) else [], blanks)
            address = read_address(filled, self._egress)
        finally:
            for question in blanks.questions.values():
                self._questions.setdefault(question.key, question)
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

    def _kept_for(self, url: str) -> KeptServer | None:
        """Return the server of the catalogue that this remote became when it was imported before."""
        if not PLACEHOLDER.search(url):
            found = self._kept_by_url.get(url)
        else:
            fits = [kept for kept in self._kept if read_back(url, kept.url)]
            found = next((kept for kept in fits if kept.is_current), fits[0]) if fits else None
        if found is None and len(self._current) == 1:
            found = self._current[0]
        return found


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


def _transport(remote: Any) -> str | None:
    word = field_of(remote, "type") or field_of(remote, "transportType")
    return TRANSPORTS.get(word.lower().replace("_", "-")) if isinstance(word, str) else None


def _is_template(remote: Any) -> bool:
    url = field_of(remote, "url")
    return isinstance(url, str) and PLACEHOLDER.search(url) is not None


def _shown(name: str, remote: Any) -> str:
    return f"{name} {clean_text(field_of(remote, 'url'), NAME_CHARS)}".strip()
