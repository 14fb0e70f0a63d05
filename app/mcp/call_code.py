"""Call code: one call of a tool as code of one's own, for curl and for Python.

The token never stands in it: both read it from the environment variable `MCP_TOKEN`. Everything else is a
server's or a person's text and is quoted for where it stands, so that pasting it runs nothing but the call.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

VARIABLE: Final = "MCP_TOKEN"
TOKEN: Final = "{token}"
SSE: Final = "sse"
#: The first version without a session: one request is a call.
STATELESS: Final = "2026-07-28"
#: Longer arguments make code that nobody reads or pastes.
MAX_ARGUMENT_CHARS: Final = 20_000
MAX_DEPTH: Final = 50
INDENT: Final = "    "
#: What the Python prints it with: the answer of a call is a model of the SDK.
PRINTING: Final = "print(result.model_dump_json(indent=2, by_alias=True, exclude_none=True))"


@dataclass(frozen=True)
class Way:
    """How a server is reached. `header`: name and value's format of the token's, None to send no token.

    `version`: the protocol's version that it was last spoken to in; "" when that is not known.
    """

    address: str
    transport: str
    fixed_headers: Mapping[str, str]
    header: tuple[str, str] | None
    version: str = ""


def curl_of(way: Way, tool: str, arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """Return the call as a command for a POSIX shell.

    None where one request cannot be the call, as over SSE, or where the arguments are too long to be read.
    A server of an older version that insists on its session refuses it: the Python is for that one.
    """
    if way.transport == SSE or _is_too_much(arguments):
        return None
    is_stateless = not way.version or way.version >= STATELESS
    params: dict[str, Any] = {"name": tool, "arguments": dict(arguments)}
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    headers |= way.fixed_headers
    headers["MCP-Protocol-Version"] = STATELESS if is_stateless else way.version
    if is_stateless:
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientInfo": {"name": "curl", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        headers |= {"Mcp-Method": "tools/call", **_mirrored(tool, arguments, schema)}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    # `globoff`: curl reads [] and {} in an address as a pattern. An address begins with http, never a dash.
    options = ["--silent --show-error --globoff --request POST"]
    if way.header:
        options.append("--header @-")
    options += [f"--header {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    options += [f"--data-raw {shlex.quote(_json(message))}", f"--url {shlex.quote(way.address)}"]
    command = " \\\n  ".join(["curl", *options])
    return f"{_token_line(way.header)} | {command}" if way.header else command


def python_of(way: Way, tool: str, arguments: Mapping[str, Any]) -> str | None:
    """Return the call as a Python program on the official SDK (`mcp`, version 2).

    None where the arguments are too long to be read.
    """
    if _is_too_much(arguments):
        return None
    headers = [f"{name!r}: {value!r}," for name, value in way.fixed_headers.items()]
    if way.header:
        name, value_format = way.header
        before, _, after = value_format.partition(TOKEN)
        parts = [repr(before)] * bool(before) + [f'os.environ["{VARIABLE}"]'] + [repr(after)] * bool(after)
        headers.append(f"{name!r}: {' + '.join(parts)},")
    over_sse = way.transport == SSE
    lines = [
        "import asyncio",
        *(["import os"] if way.header else []),
        "",
        *([] if over_sse else ["import httpx2"]),
        "from mcp import Client",
        f"from mcp.client.{'sse' if over_sse else 'streamable_http'} import "
        f"{'sse_client' if over_sse else 'streamable_http_client'}",
        "",
        f"URL = {way.address!r}",
        "HEADERS = {" + "".join(f"\n{INDENT}{line}" for line in headers) + "\n" * bool(headers) + "}",
        f"ARGUMENTS = {_literal(dict(arguments), '')}",
        "",
        "",
        "async def main():",
        *(
            [f"{INDENT}async with Client(sse_client(URL, headers=HEADERS)) as client:"]
            if over_sse
            else [
                f"{INDENT}async with (",
                f"{INDENT * 2}httpx2.AsyncClient(headers=HEADERS, timeout=60) as http,",
                f"{INDENT * 2}Client(streamable_http_client(URL, http_client=http)) as client,",
                f"{INDENT}):",
            ]
        ),
        f"{INDENT * 2}result = await client.call_tool({tool!r}, ARGUMENTS)",
        f"{INDENT * 2}{PRINTING}",
        "",
        "",
        "asyncio.run(main())",
    ]
    return "\n".join(lines)


def _token_line(header: tuple[str, str]) -> str:
    """Return the command that says the token's header.

    `printf` is part of the shell, and curl reads what it says: a token among the arguments of a program
    would stand in the list of processes that everybody on the machine sees.
    """
    name, value_format = header
    before, _, after = value_format.partition(TOKEN)
    parts = [shlex.quote(f"{name}: {before}"), f'"${VARIABLE}"'] + [shlex.quote(after)] * bool(after)
    return rf"printf '%s\n' {''.join(parts)}"


def _mirrored(tool: str, arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that repeat the body, as the specification of 2026-07-28 wants them."""
    from mcp.shared.inbound import (
        encode_header_value,
        find_invalid_x_mcp_header,
        mcp_param_headers,
        x_mcp_header_map,
    )

    try:
        named = {} if find_invalid_x_mcp_header(schema) else x_mcp_header_map(schema)
    except (RecursionError, TypeError, ValueError):
        # A schema may be of any shape.
        named = {}
    return {"Mcp-Name": encode_header_value(tool), **mcp_param_headers(named, arguments)}


def _is_too_much(arguments: Mapping[str, Any]) -> bool:
    try:
        text = json.dumps(arguments)
    except (ValueError, RecursionError):
        return True
    return len(text) > MAX_ARGUMENT_CHARS or _depth(arguments) > MAX_DEPTH


def _depth(value: Any) -> int:
    """Return how deep it is nested; what fits into `json.dumps` fits here too, one level a step."""
    depth, level = 0, [value]
    while level := [
        inner
        for one in level
        if isinstance(one, dict | list)
        for inner in (one.values() if isinstance(one, dict) else one)
    ]:
        depth += 1
    return depth


def _json(value: Any) -> str:
    """Return JSON in which every character is one that is seen: others are written as JSON's escapes."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def _literal(value: Any, indent: str) -> str:
    """Return the value as Python writes it, one entry a line. `repr` escapes what is not printable."""
    deeper = indent + INDENT
    if isinstance(value, dict) and value:
        entries = [f"{deeper}{name!r}: {_literal(inner, deeper)}," for name, inner in value.items()]
        return "\n".join(["{", *entries, f"{indent}}}"])
    if isinstance(value, list) and value:
        return "\n".join(["[", *(f"{deeper}{_literal(inner, deeper)}," for inner in value), f"{indent}]"])
    return repr(value)
