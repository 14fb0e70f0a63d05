"""Token input: what is unwrapped, what is refused, and that no refusal echoes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.services.token_input import hint_of, read_token

TOKEN = "ghp_0123456789abcdefXYZ"
ADDRESS = "https://mcp.example.com/mcp"


def read(text: str, header_name: str = "Authorization", value_format: str = "Bearer {token}") -> tuple:
    found = read_token(text, header_name=header_name, value_format=value_format, address=ADDRESS)
    return found.value, found.changed


@pytest.mark.parametrize(
    ("pasted", "changed"),
    [
        (TOKEN, ()),
        (f"  {TOKEN}\r\n", ()),
        (f"\ufeff {TOKEN}\u00a0\ufeff", ()),
        (f"Bearer {TOKEN}", ("scheme",)),
        (f"bearer  BEARER\t{TOKEN}", ("scheme",)),
        (f"Authorization: Bearer {TOKEN}", ("header", "scheme")),
        (f"authorization:{TOKEN}", ("header",)),
        (f'"Authorization": "Bearer {TOKEN}"', ("json", "scheme")),
        (f'{{"Authorization": "Bearer {TOKEN}"}}', ("json", "scheme")),
        (f'"authorization": "{TOKEN}",', ("json",)),
        (f"GITHUB_TOKEN={TOKEN}", ("name",)),
        (f'export GITHUB_TOKEN="{TOKEN}"', ("name",)),
        (f"APIKEY='{TOKEN}'", ("name",)),
        (f"my_secret={TOKEN}", ("name",)),
        *(
            (f"{name}={TOKEN}", ("name",))
            for name in (
                *("Github_Token", "apiKey", "ApiKey", "APIKey", "GITHUB_PAT", "githubPat", "accessToken"),
                *("password", "DB_PASSWORD", "client-secret", "my.api.key", "key", "apikey", "authtoken"),
                *("$env:GITHUB_TOKEN", "--api-key", "set API_KEY", "Authorization"),
            )
        ),
        *(
            (f"{name}: {TOKEN}", ("name",))
            for name in ("github_token", "GITHUB_PAT", "password", "apiSecret", "token", "access_key")
        ),
        (f"const apiKey = '{TOKEN}';", ("name",)),
        (f'api_key: "{TOKEN}"', ("name",)),
        (f'bearer_token = "{TOKEN}"', ("name",)),
        (f"API_KEY: Bearer {TOKEN}", ("name", "scheme")),
        *((f"{opens}{TOKEN}{closes}", ("quotes",)) for opens, closes in ('""', "''", "``", "“”", "‘’", "«»")),
        (f"```{TOKEN}```", ("quotes",)),
        (f'"{TOKEN}",', ("quotes",)),
        (f'"Bearer {TOKEN}"', ("quotes", "scheme")),
        (f'Bearer "{TOKEN}"', ("scheme", "quotes")),
        (f"`GITHUB_TOKEN={TOKEN}`", ("quotes", "name")),
        (f"'Authorization: Bearer {TOKEN}'", ("quotes", "header", "scheme")),
        (f'\'{{"headers": {{"Authorization": "Bearer {TOKEN}"}}}}\'', ("quotes", "json", "scheme")),
        (f"Bearer: {TOKEN}", ("scheme",)),
        (f"BEARER:{TOKEN}", ("scheme",)),
        (f"Bearer: Bearer {TOKEN}", ("scheme",)),
        (f"x-api-key: {TOKEN}", ("header",)),
        (f"X-Api-Key:{TOKEN}", ("header",)),
        (f"Accept: */*\nx-goog-api-key: {TOKEN}", ("header",)),
        (f'"x-api-key": "{TOKEN}"', ("json",)),
        (f'{{"args": ["--header", "x-api-key: {TOKEN}"]}}', ("json",)),
        (f'{{"args": ["run", "-e", "GITHUB_TOKEN={TOKEN}", "image"]}}', ("json",)),
        (f'{{"args": ["--api-key", "{TOKEN}", "--verbose"]}}', ("json",)),
        (
            f'{{"args": ["--header", "Authorization: Bearer ${{TOKEN}}"], "env": {{"TOKEN": "{TOKEN}"}}}}',
            ("json",),
        ),
        (f"API_KEY=Bearer {TOKEN}", ("name", "scheme")),
        (f"Accept: application/json\nAuthorization: Bearer {TOKEN}\n", ("header", "scheme")),
        (f'{{"headers": {{"Accept": "*/*", "Authorization": "Bearer {TOKEN}"}}}}', ("json", "scheme")),
        (f'"headers": {{"Authorization": "Bearer {TOKEN}"}},', ("json", "scheme")),
        (f'{{"mcpServers": {{"git": {{"env": {{"GITHUB_TOKEN": "{TOKEN}"}}}}}}}}', ("json",)),
        (
            f'{{"command": "npx", "args": ["mcp-remote", "{ADDRESS}",'
            f' "--header", "Authorization: Bearer {TOKEN}"]}}',
            ("json", "scheme"),
        ),
        (
            '{"mcpServers": {"other": {"url": "https://x.example/mcp", "headers": {"Authorization": "no"}},'
            f' "mine": {{"url": "{ADDRESS}", "headers": {{"Authorization": "{TOKEN}"}}}}}}}}',
            ("json",),
        ),
    ],
)
def test_wrappings_are_taken_off_and_named(pasted: str, changed: tuple[str, ...]) -> None:
    assert read(pasted) == (TOKEN, changed)


@pytest.mark.parametrize(
    "token",
    [
        "dGhpcyBpcyBhIHRva2Vu==",
        "QUJDREVGR0hJSktMTU5PUEtFWQ=",
        "ABCDEFGHKEY=",
        "ABCDEFGHTOKEN==",
        "abc=def=ghi=jkl",
        "id:secret-part-of-it",
        "user@tenant.example",
        "xxxxxxxy",
        "!@#$%^&*()",
        "{braces}-in-it",
        '["not", "a", "token"]'.replace(" ", ""),
        "my-secret-token",
        # Padded base64 that ends like a name, in every case.
        *("dGhpcyBhcGlLey=", "QUJDREVGR0hJapiKey=", "abcdefGHIJtoken==", "QUJD-REVG-KEY==", "aSecret="),
        # Names of nothing secret, and composite tokens.
        *("monkey=banana-0123", "compat=yes-0123", "id=0123456789", "monkey:banana", "api_key:0123456789"),
        *("user-token:0123456789", "a=token=0123456789"),
        # What is no pair.
        *('"half-a-pair', "it's-a-token's", "'mixed-quotes\"", '"two"and"two"'),
        "bearer-token-0123456789",
    ],
)
def test_a_token_that_only_looks_wrapped_stays_as_it_is(token: str) -> None:
    assert read(token) == (token, ())


@pytest.mark.parametrize(
    ("pasted", "reason"),
    [
        ("", "empty"),
        (" \t\r\n\ufeff", "empty"),
        ("Bearer", "empty"),
        ("bearer bearer ", "empty"),
        ("Authorization: Bearer ", "empty"),
        ("GITHUB_TOKEN=", "empty"),
        ("Github_Token=", "empty"),
        ("api_key: ", "empty"),
        ('""', "empty"),
        ('API_KEY=""', "empty"),
        ("Bearer:", "empty"),
        ('"********"', "mask"),
        ('apiKey="${API_KEY}"', "placeholder"),
        ("x-api-key: first-token\nx-auth-token: second-token", "several"),
        ("********", "mask"),
        ("••••••••••••", "mask"),
        ("xxxxxxxxxxxx", "mask"),
        ("XXXXXXXX", "mask"),
        ("...a1b2", "mask"),
        ("…a1b2", "mask"),
        ("Bearer ********", "mask"),
        ("${GITHUB_TOKEN}", "placeholder"),
        ("Bearer ${input:token}", "placeholder"),
        ("short12", "too_short"),
        ("<your-token>", "placeholder"),
        ("{github_token}", "placeholder"),
        ("YOUR_GITHUB_TOKEN", "placeholder"),
        ("your-api-key-here", "placeholder"),
        ("$GITHUB_TOKEN", "placeholder"),
        ("%GITHUB_TOKEN%", "placeholder"),
        ('{"headers": {"Authorization": "Bearer ${input:token}"}}', "placeholder"),
        ('{"a": {"API_KEY": "first-token"}, "b": {"API_KEY": "second-token"}}', "several"),
        ("two words", "space"),
        ("two\twords", "space"),
        ("line\nbreak-in-it", "line_break"),
        ("line\r\nbreak in-it", "line_break"),
        ("nul\x00-in-it", "characters"),
        ("한국어토큰입니다아", "characters"),
        ("tokeñ-with-accent", "characters"),
        ("\ud800abcdefgh", "characters"),
    ],
)
def test_what_cannot_be_a_token_is_refused_with_the_reason(pasted: str, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(pasted)

    assert (caught.value.field, caught.value.reason) == ("token", reason)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("header_name", ["X-API-Key", "apiKey", "Authorization", "token"])
def test_what_names_a_token_is_taken_off_whatever_the_servers_header(header_name: str) -> None:
    for pasted in (
        f"Bearer: {TOKEN}",
        f"x-api-key: {TOKEN}",
        f"Authorization: Bearer {TOKEN}",
        f"KEY={TOKEN}",
    ):
        assert read(pasted, header_name, "{token}")[0] == TOKEN
    assert read(f"{header_name}: {TOKEN}", header_name, "{token}") == (TOKEN, ("header",))


def elsewhere(pasted: str, address: str = ADDRESS) -> str | None:
    read = read_token(pasted, header_name="Authorization", value_format="Bearer {token}", address=address)
    assert read.value == TOKEN
    return read.elsewhere


def configured(url: str, name: str = "url") -> str:
    return json.dumps({"mcpServers": {"x": {name: url, "headers": {"Authorization": f"Bearer {TOKEN}"}}}})


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (ADDRESS, None),
        ("https://MCP.example.com./mcp/", None),
        ("https://mcp.example.com:443/sse?a=b", None),
        ("mcp.example.com/mcp", None),
        ("https://other.example/mcp", "other.example"),
        ("other.example/mcp", "other.example"),
        # Many servers of one host are many people's.
        ("https://mcp.example.com/somebody/mcp", "mcp.example.com"),
        ("https://mcp.example.com:8443/mcp", "mcp.example.com"),
        ("https://mcp.example.com.evil.example/mcp", "mcp.example.com.evil.example"),
        # Nothing but a host is repeated, and no piece of a token.
        ("https://user:secret@other.example/path-secret?key=secret", "other.example"),
        (f"https://{TOKEN}.example/mcp", "another server"),
        ("${MCP_URL}", "another server"),
        ("https://[broken", "another server"),
    ],
)
def test_a_paste_that_names_another_server_says_which(url: str, host: str | None) -> None:
    for name in ("url", "serverUrl", "server_url", "URI", "endpoint"):
        assert elsewhere(configured(url, name)) == host
    if url.startswith("https://"):
        args = ["mcp-remote", url, "--header", f"Authorization: Bearer {TOKEN}"]
        assert elsewhere(json.dumps({"command": "npx", "args": args})) == host
        env = {"args": ["mcp-remote", f"--url={url}"], "env": {"API_KEY": TOKEN}}
        assert elsewhere(json.dumps(env)) == host


def test_a_paste_that_names_no_server_or_several_says_nothing() -> None:
    assert elsewhere(json.dumps({"env": {"API_KEY": TOKEN}})) is None
    both = [{"url": "https://other.example", "token": TOKEN}, {"env": {"API_KEY": TOKEN}}]
    assert elsewhere(json.dumps(both)) is None
    assert elsewhere(configured("https://other.example/mcp"), address="") is None


def test_the_full_address_comes_before_the_other_transport_and_any_other_server() -> None:
    keys = {"https://other.example/mcp": "a" * 9, "https://mcp.example.com/sse": "b" * 9, ADDRESS: TOKEN}
    servers = {url: {"url": url, "headers": {"Authorization": key}} for url, key in keys.items()}

    assert elsewhere(json.dumps(servers)) is None

    servers[ADDRESS]["url"] = "https://mcp.example.com/elsewhere/mcp"
    assert read(json.dumps(servers)) == ("b" * 9, ("json",))


def test_a_header_block_says_its_host_and_an_address_is_no_token_of_another() -> None:
    block = f"Accept: */*\nAuthorization: Bearer {TOKEN}\nHost: "
    assert elsewhere(block + "mcp.example.com") is None
    assert elsewhere(block + "other.example:8443") == "other.example"

    url = "https://other.example/mcp?api_key=0123456789"
    found = read_token(url, header_name="Authorization", value_format="Bearer {token}", address=ADDRESS)
    # The host is itself a piece of what was pasted.
    assert (found.value, found.elsewhere) == (url, "another server")


def test_a_scheme_is_taken_off_only_where_the_format_adds_it() -> None:
    with pytest.raises(InvalidInputError, match="space"):
        read(f"Bearer {TOKEN}", "X-API-Key", "{token}")

    assert read(f"App {TOKEN}", value_format="App {token}") == (TOKEN, ("scheme",))
    assert read(f"X-API-Key: {TOKEN}", "X-API-Key", "{token}") == (TOKEN, ("header",))


@pytest.mark.parametrize("length", [4097, 8193, 1_000_000])
def test_a_token_longer_than_any_is_refused(length: int) -> None:
    with pytest.raises(InvalidInputError, match="too_long"):
        read("a" * length)


@pytest.mark.parametrize("length", [8, 4096])
def test_the_shortest_and_the_longest_token_are_taken(length: int) -> None:
    assert read("z" * (length - 1) + "1")[0] == "z" * (length - 1) + "1"


def test_a_hint_is_four_characters_of_a_token_long_enough() -> None:
    assert hint_of("0123456789abcdef") == "...cdef"
    assert hint_of("0123456789abcde") is None


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_one_of_the_refusals(text: str) -> None:
    try:
        value, _ = read(text)
    except InvalidInputError as error:
        assert error.field == "token"
        assert str(error) == f"token: {error.reason}"
    else:
        assert value in text
        assert all("!" <= character <= "~" for character in value)
