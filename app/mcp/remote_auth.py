"""What one remote of a registry entry wants in its headers: where the token goes, and what else is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import InvalidInputError
from app.mcp.addresses import read_link
from app.mcp.placeholders import MAX_TEMPLATE_CHARS, PLACEHOLDER, Blanks, fill_in
from app.mcp.refusals import explain
from app.mcp.spellings import field_of
from app.mcp.texts import HELP_CHARS, PLACEHOLDER_CHARS, clean_text
from app.mcp.token_headers import (
    AUTHORIZATION,
    TOKEN,
    TRANSPORT_HEADER,
    default_format,
    is_secret_name,
    read_fixed_value,
    read_header_name,
    read_value_format,
)

#: So many besides the token's. Far more than any entry has; one that wants more wants something else.
MAX_HEADERS: Final = 50
LINK: Final = re.compile(r"https?://[^\s<>\"'`()\[\]{}]+")


@dataclass(frozen=True)
class RemoteAuth:
    """How a remote takes its token. `dropped`: (header, why) of those that will not be sent."""

    header_name: str = AUTHORIZATION
    value_format: str = f"Bearer {TOKEN}"
    token_required: bool = False
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    token_help: str | None = None
    token_help_url: str | None = None
    token_placeholder: str | None = None
    #: Why it cannot be used as it is; None: it can.
    disabled_reason: str | None = None
    dropped: tuple[tuple[str, str], ...] = ()
    #: False: no header says where the token goes.
    is_declared: bool = False


@dataclass(frozen=True)
class _Header:
    """One header of an entry. `value` None: none is given."""

    name: str
    value: str | None
    #: As the entry writes it, before anything is filled in; None: it gives no value.
    template: str | None
    is_secret: bool
    #: None: the entry does not say.
    is_required: bool | None
    facts: Mapping[str, Any]

    @property
    def placeholders(self) -> int:
        return len(PLACEHOLDER.findall(self.value or ""))


def read_remote_auth(raw_headers: Sequence[Any], blanks: Blanks) -> RemoteAuth:
    """Return where the token goes, with the other headers filled in.

    Raises InvalidInputError when the token's header could not be sent, or there are too many, or too long.
    """
    if len(raw_headers) > MAX_HEADERS + 1:
        raise InvalidInputError("extra_headers", "too_many")
    headers = [_read_header(raw) for raw in raw_headers if isinstance(raw, Mapping)]
    # A lone template is the token's place, whatever it is called; beside a known secret it is not.
    secrets = [header for header in headers if header.is_secret] or [
        header for header in headers if header.placeholders
    ]
    others = [header for header in headers if header not in secrets]
    extra, dropped, missing = _fixed_headers(others, blanks)
    if len(extra) > MAX_HEADERS:
        raise InvalidInputError("extra_headers", "too_many")
    if not secrets:
        return RemoteAuth(extra_headers=extra, dropped=dropped, disabled_reason=missing)
    header = secrets[0]
    name = read_header_name(header.name)
    value_format, unusable = _value_format(header)
    if len(secrets) > 1:
        names = ", ".join(clean_text(each.name, PLACEHOLDER_CHARS) for each in secrets)
        unusable = f"It wants {len(secrets)} secrets ({names}); one can be sent."[:HELP_CHARS]
    token_help = _first_text(header, "description", HELP_CHARS)
    return RemoteAuth(
        header_name=name,
        value_format=value_format,
        token_required=header.is_required is not False,
        extra_headers=extra,
        token_help=token_help,
        token_help_url=_first_link(token_help),
        token_placeholder=_example(header, value_format),
        disabled_reason=unusable or missing,
        dropped=dropped,
        is_declared=True,
    )


def _read_header(raw: Mapping[str, Any]) -> _Header:
    name = field_of(raw, "name")
    name = name if isinstance(name, str) else ""
    value = field_of(raw, "value")
    value = template = (value.strip() or None) if isinstance(value, str) else None
    variables = field_of(raw, "variables")
    hidden = isinstance(variables, Mapping) and any(
        field_of(variable, "isSecret") is True for variable in variables.values()
    )
    is_secret = field_of(raw, "isSecret") is True or hidden or is_secret_name(name)
    if not is_secret:
        default = field_of(raw, "default")
        value = value or (default.strip() if isinstance(default, str) else None)
    if value and len(value) > MAX_TEMPLATE_CHARS:
        raise InvalidInputError("extra_headers", "too_long")
    if value and (not is_secret or len(PLACEHOLDER.findall(value)) > 1):
        value = fill_in(value, variables)
    required = field_of(raw, "isRequired")
    is_required = required if isinstance(required, bool) else None
    return _Header(name, value or None, template, is_secret, is_required, raw)


def _value_format(header: _Header) -> tuple[str, str | None]:
    """Return the format, and why the header cannot be sent with one token, or None."""
    fallback = default_format(header.name)
    if header.value is None:
        return fallback, None
    if header.placeholders > 1:
        return fallback, f"The header {header.name} wants more than one secret; one can be sent."
    if header.placeholders == 0:
        # Never copied: it would be one secret for everyone, and everyone could see it.
        return fallback, f"The header {header.name} has a fixed value where a token belongs."
    return read_value_format(PLACEHOLDER.sub(TOKEN, header.value)), None


def _fixed_headers(
    headers: Sequence[_Header], blanks: Blanks
) -> tuple[dict[str, str], tuple[tuple[str, str], ...], str | None]:
    """Return the headers to send, the (name, why) of those to leave out, and the reason to disable."""
    extra: dict[str, str] = {}
    dropped: list[tuple[str, str]] = []
    missing = None
    for header in headers:
        shown = clean_text(header.name, PLACEHOLDER_CHARS) or "without a name"
        value, why = _fixed_value(header, blanks)
        if why is None and header.name.lower() not in {name.lower() for name in extra}:
            extra[header.name.strip(" ")] = value
        elif why is not None and header.is_required and not TRANSPORT_HEADER.fullmatch(header.name):
            missing = missing or f"It needs the header {shown}, but {why}."[:HELP_CHARS]
        else:
            dropped.append((shown, why or "it stands there twice"))
    return extra, tuple(dropped), missing


def _fixed_value(header: _Header, blanks: Blanks) -> tuple[str, str | None]:
    """Return the value to send, and why the header is left out, or None."""
    if TRANSPORT_HEADER.fullmatch(header.name):
        return "", "the transport sets it itself"
    try:
        name = read_header_name(header.name, "extra_headers")
        value = blanks.fill_header(name, header.facts, header.template, header.is_required is True)
        if not value or PLACEHOLDER.search(value):
            return "", "its entry gives no value for it"
        return read_fixed_value(value), None
    except InvalidInputError as error:
        return "", explain(error)


def _first_text(header: _Header, key: str, limit: int) -> str | None:
    """Return what the header says under this key, or else its first variable."""
    variables = field_of(header.facts, "variables")
    nested = list(variables.values()) if isinstance(variables, Mapping) else []
    texts = (clean_text(field_of(facts, key), limit) for facts in (header.facts, *nested))
    return next((text for text in texts if text), None)


def _example(header: _Header, value_format: str) -> str | None:
    """Return what a token looks like, without what the format adds: people copy what they see."""
    example = _first_text(header, "placeholder", PLACEHOLDER_CHARS)
    prefix = value_format.partition(TOKEN)[0]
    if example and prefix and example.lower().startswith(prefix.lower()):
        example = example[len(prefix) :].strip()
    return example or None


def _first_link(text: str | None) -> str | None:
    match = LINK.search(text or "")
    return read_link(match[0].rstrip(".,;:!?")) if match else None
