"""What a paste says besides the token: whose it looks like, and when it ends."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import shake_256
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.mcp.foreign_tokens import SERVICES, foreign_service
from app.services.pasted_json import value_in_json
from app.services.stated_expiry import stated_expiry


@pytest.mark.parametrize(
    ("token", "address", "service"),
    [
        ("ghp_abcdefghijkl", "https://api.githubcopilot.com/mcp/", None),
        ("ghp_abcdefghijkl", "https://GITHUB.com./mcp", None),
        ("ghp_abcdefghijkl", "https://github.com.evil.example/mcp", "GitHub"),
        ("ghp_abcdefghijkl", "https://notgithub.com/mcp", "GitHub"),
        ("github_pat_abcdefghijkl", "https://mcp.example.com/mcp", "GitHub"),
        ("hf_abcdefghijkl", "https://huggingface.co/mcp", None),
        ("hf_abcdefghijkl", "https://mcp.example.com/mcp", "Hugging Face"),
        ("xoxb-abcdefghijkl", "https://mcp.example.com/mcp", "Slack"),
        ("sk-ant-abcdefghijkl", "https://mcp.example.com/mcp", "Anthropic"),
        ("glpat-abcdefghijkl", "https://gitlab.example.com/mcp", "GitLab"),
        ("just-a-token-of-theirs", "https://mcp.example.com/mcp", None),
        ("GHP_not-a-prefix", "https://mcp.example.com/mcp", None),
    ],
)
def test_a_prefix_tells_whose_token_it_is(token: str, address: str, service: str | None) -> None:
    assert foreign_service(token, address) == service


def test_no_prefix_is_another_services_as_well() -> None:
    prefixes = [prefix for found, _, _ in SERVICES for prefix in found]

    assert len(set(prefixes)) == len(prefixes)
    for prefix in prefixes:
        assert not [other for other in prefixes if other != prefix and other.startswith(prefix)], prefix


GITHUB = "ghp_0123456789abcdefXYZ"
AWAY = "https://mcp.example.com/mcp"
#: Every alphabet that random tokens are written in.
ALPHABETS = {
    "base62": ascii_letters + digits,
    "base64": ascii_letters + digits + "+/",
    "base64url": ascii_letters + digits + "-_",
    "hexadecimal": "0123456789abcdef",
    "unreserved": ascii_letters + digits + "-._~",
    "visible": "".join(map(chr, range(0x21, 0x7F))),
}


@pytest.mark.parametrize(
    "text",
    [
        *(f"{quote}{GITHUB}{quote}" for quote in "\"'`"),
        *(f'"{GITHUB}', f"{GITHUB}'", f"({GITHUB})", f"[{GITHUB}]", f"<{GITHUB}>", f"|{GITHUB}"),
        *(f"Github_Token={GITHUB}", f"apiKey={GITHUB}", f"GITHUB_PAT={GITHUB}", f"whatever={GITHUB}"),
        *(f"x-api-key:{GITHUB}", f"Bearer:{GITHUB}", f"user:{GITHUB}", f'{{"a":"{GITHUB}"}}'),
        *(f"https://user:{GITHUB}@github.com/a", f"https://{GITHUB}@github.com", f"a?token={GITHUB}&b=c"),
        *(f"Bearer%20{GITHUB}", f"Bearer+{GITHUB}", f"a\\n{GITHUB}", f'\\"{GITHUB}'),
    ],
)
def test_a_prefix_is_seen_behind_whatever_was_left_before_it(text: str) -> None:
    assert foreign_service(text, AWAY) == "GitHub"
    assert foreign_service(text, "https://api.githubcopilot.com/mcp/") is None


#: A tail that each service could have made, where the prefix alone says too little.
TAILS = {
    "AKIA": "IOSFODNN7EXAMPLE",
    "ASIA": "IOSFODNN7EXAMPLE",
    "SG.": "a1b2c3d4e5.f6g7h8i9j0",
    "EAAA": "l" * 60,
}


@pytest.mark.parametrize(
    ("prefix", "service"), [(each, name) for found, name, _ in SERVICES for each in found]
)
def test_every_prefix_is_seen_at_the_start_and_behind_a_quote_a_colon_and_an_equals_sign(
    prefix: str, service: str
) -> None:
    token = prefix + TAILS.get(prefix, "0123456789abcdef")

    for text in (token, f'"{token}"', f"'{token}", f"`{token}`", f"x:{token}", f"x={token}", f"//{token}@h"):
        assert foreign_service(text, AWAY) == service, text


@pytest.mark.parametrize("joint", ["-", ".", "a", "_", "0"])
def test_a_short_prefix_inside_base64url_and_jwts_is_chance(joint: str) -> None:
    for prefix in (each for found, _, _ in SERVICES for each in found if len(each) < 5):
        text = f"eyJhbGciOiJSUzI1NiJ9{joint}{prefix}{TAILS.get(prefix, '0123456789abcdef')}"
        assert foreign_service(text, AWAY) is None, text


@pytest.mark.parametrize("joint", ["+", "/", "a", "0"])
def test_letters_inside_base64_are_chance(joint: str) -> None:
    for prefix in ("AIza", "AKIA", "ASIA", "EAAA", "ATATT", "ATCTT"):
        text = f"dGhpcyBpcyBhIHRv{joint}{prefix}{TAILS.get(prefix, '0123456789abcdef')}=="
        assert foreign_service(text, AWAY) is None, text


@pytest.mark.parametrize("name", ALPHABETS)
def test_a_random_token_is_nobodys(name: str) -> None:
    alphabet = ALPHABETS[name]
    # As good as random, and the same ones each time.
    noise = shake_256(name.encode()).digest(20_000 * 40)
    letters = "".join(alphabet[byte % len(alphabet)] for byte in noise)

    for at in range(0, len(letters), 40):
        assert foreign_service(letters[at : at + 40], AWAY) is None


@pytest.mark.parametrize(
    "host",
    [
        # Whoever likes gets one of these for a program of their own.
        *("somebody-mcp.hf.space", "abcdefgh.supabase.co", "abc.supabase.in", "shop.myshopify.com"),
        *("abc.execute-api.us-east-1.amazonaws.com", "abc.lambda-url.us-east-1.on.aws"),
        *("abc.execute-api.us-east-1.api.aws", "ec2-1-2-3-4.compute-1.amazonaws.com", "b.s3.amazonaws.com"),
        *("abc.invocation.api.nvcf.nvidia.com", "abc.run.app", "abc.appspot.com", "abc.cloudfunctions.net"),
        *("site.atlassian.net", "stack.grafana.net", "raw.githubusercontent.com", "somebody.github.io"),
        *("abc.app.github.dev", "somebody.gitlab.io", "abc.vercel.app", "abc.notion.site", "abc.figma.site"),
        *("b.nyc3.digitaloceanspaces.com", "abc.ondigitalocean.app", "abc.hs-sites.com", "abc.square.site"),
        *("abc.mock.pstmn.io", "abc.replicate.delivery", "docs.python.org"),
    ],
)
def test_where_anybody_may_run_a_server_no_service_is_at_home(host: str) -> None:
    for prefixes, service, _ in SERVICES:
        token = prefixes[0] + TAILS.get(prefixes[0], "0123456789abcdef")
        assert foreign_service(token, f"https://{host}/mcp") == service


def jwt(claims: object) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"}, claims)]
    return ".".join([*(urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2lnbmF0dXJl"])


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (jwt({"exp": 1893456000}), datetime(2030, 1, 1, tzinfo=UTC)),
        (jwt({"exp": 1893456000.5}), datetime(2030, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        (jwt({"exp": "1893456000"}), None),
        (jwt({"exp": True}), None),
        (jwt({"exp": -1}), None),
        (jwt({"exp": 1e300}), None),
        (jwt({"exp": 10**30}), None),
        (jwt({"exp": float("nan")}), None),
        (jwt({"sub": "ann"}), None),
        (jwt([1893456000]), None),
        ("a.b.c", None),
        ("not-a-jwt-at-all", None),
        (".".join(["x" * 100] * 3), None),
        (f"x.{urlsafe_b64encode(b'[' * 3000).decode()}.x", None),
    ],
)
def test_the_end_that_a_token_states_is_read(token: str, expected: datetime | None) -> None:
    assert stated_expiry(token) == expected


@given(st.text(max_size=300))
def test_any_text_states_an_end_or_none(text: str) -> None:
    assert stated_expiry(text) is None or isinstance(stated_expiry(text), datetime)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_has_one_token_or_none_or_too_many(document: object) -> None:
    try:
        found = value_in_json(json.dumps(document), "Authorization", "https://mcp.example.com/mcp")
    except InvalidInputError as error:
        assert error.reason == "several"
    else:
        assert found is None or isinstance(found.value, str)


def test_json_nested_without_end_is_no_json() -> None:
    assert value_in_json("[" * 8000, "Authorization", "https://mcp.example.com/mcp") is None
