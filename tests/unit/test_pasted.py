"""What a paste says besides the token: whose it looks like, and when it ends."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInputError
from app.services.foreign_tokens import SERVICES, foreign_service
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
        assert found is None or isinstance(found, str)


def test_json_nested_without_end_is_no_json() -> None:
    assert value_in_json("[" * 8000, "Authorization", "https://mcp.example.com/mcp") is None
