"""Address parts: whatever stands in the database, the page shows what really differs, and hides nothing."""

from __future__ import annotations

import pytest

from app.models.server import host_in
from app.web.address_parts import Compared, compare, shown_address

HERE = "https://mcp.github.com/mcp"
#: Addresses that are not `HERE`, the kinds in which each differs, and what is marked of it.
HOSTILE = {
    "https://mcp.githud.com/mcp": (["host"], ["mcp.githud.com"]),
    "https://mcp.gіthub.com/mcp": (["host"], ["mcp.xn--gthub-n2e.com"]),
    "https://ｍcp.github.com/mcp": (["host"], ["\\uff4dcp.github.com"]),
    "https://mcp.git\u200bhub.com/mcp": (["host"], ["mcp.git\\u200bhub.com"]),
    "https://mcp.git\u00adhub.com/mcp": (["host"], ["mcp.git\\u00adhub.com"]),
    "https://mcp.github\u3002com/mcp": (["host"], ["mcp.github\\u3002com"]),
    "https://\u202emoc.buhtig.pcm/mcp": (["host"], ["\\u202emoc.buhtig.pcm"]),
    "https://MCP.github.com/mcp": (["host"], ["MCP.github.com"]),
    "https://mcp.github.com./mcp": (["host"], ["mcp.github.com."]),
    "https://mcp.github.com:8443/mcp": (["port"], [":8443"]),
    "https://mcp.github.com:/mcp": (["port"], [":"]),
    "http://mcp.github.com/mcp": (["scheme"], ["http://"]),
    "HTTPS://mcp.github.com/mcp": (["scheme"], ["HTTPS://"]),
    "https://mcp.github.com/mcp/": (["path"], ["/"]),
    "https://mcp.github.com/mсp": (["path"], ["\\u0441"]),
    "https://mcp.github.com/m\u200bcp": (["path"], ["\\u200b"]),
    "https://mcp.github.com/mcp?": (["query"], ["?"]),
    "https://mcp.github.com/mcp?to=evil": (["query"], ["?to=evil"]),
    "https://mcp.github.com/mcp#x": (["fragment"], ["#x"]),
    "https://evil.example#mcp.github.com/mcp": (["host", "path", "fragment"], None),
    "https://mcp.github.com@evil.example/mcp": (["userinfo", "host"], ["mcp.github.com@", "evil.example"]),
    "https://mcp.github.com\\@evil.example/mcp": (["userinfo", "host"], None),
    "https://mcp.github.com:443@evil.example/mcp": (["userinfo", "host"], None),
    "https://mcp.git\thub.com/mcp": (["host"], ["mcp.git\\u0009hub.com"]),
    "https://mcp.github.com/mcp\n": (["path"], ["\\u000a"]),
    "https://mcp.github.com/mcp\x00": (["path"], ["\\u0000"]),
    " https://mcp.github.com/mcp": (["scheme"], ["\\u0020https://"]),
    "https://[::1/mcp": (["host", "port"], None),
    "https://[2001:db8::1]:9/mcp": (["host", "port"], ["[2001:db8::1]", ":9"]),
    "mcp.github.com/mcp": (["scheme"], []),
    "javascript:alert(1)//mcp.github.com/mcp": (["scheme", "host", "port", "path"], None),
    f"https://mcp.github.com/{'a' * 5000}/mcp": (["path"], None),
    f"https://{'a' * 3000}.example/mcp": (["host"], None),
    f"https://{'і' * 3000}.example/mcp": (["host"], None),
}


def marked(compared: Compared) -> list[str]:
    return [part.text for part in compared.after if part.differs]


@pytest.mark.parametrize("address", HOSTILE, ids=range(len(HOSTILE)))
def test_what_differs_is_marked_and_every_character_is_seen(address: str) -> None:
    differing, marks = HOSTILE[address]

    compared = compare(HERE, address)

    assert compared.differing == differing
    assert marks is None or marked(compared) == marks
    shown = "".join(part.text for part in compared.after)
    assert shown == shown_address(address)
    assert all("\x21" <= letter <= "\x7e" for letter in shown)
    assert "".join(part.text for part in compared.before) == HERE
    # The other way round what is gone is marked where it stood.
    back = compare(address, HERE)
    assert back.differing == differing
    assert any(part.differs for part in [*back.before, *back.after])


def test_two_addresses_that_differ_are_never_shown_alike_without_a_word() -> None:
    pairs = [(one, other) for one in [HERE, *HOSTILE] for other in [HERE, *HOSTILE] if one != other]
    for one, other in pairs:
        compared = compare(one, other)
        assert compared.differing, (one, other)
        before, after = ("".join(part.text for part in side) for side in (compared.before, compared.after))
        assert before != after, (one, other)


def test_a_host_shown_as_xn_is_told_letter_by_letter_too() -> None:
    compared = compare("https://xn--80ak6aa92e.com/", "https://аррӏе.com/")

    # Both are shown alike, so this is what tells them apart.
    assert marked(compared) == ["xn--80ak6aa92e.com"]
    assert compared.written_host == "\\u0430\\u0440\\u0440\\u04cf\\u0435.com"
    assert compare("https://аррӏе.com/", "https://xn--80ak6aa92e.com/").before_host == compared.written_host


@pytest.mark.parametrize(
    ("address", "is_same"),
    [
        ("https://MCP.GitHub.com/mcp", True),
        ("https://mcp.github.com./mcp", True),
        ("https://mcp.github.com../mcp", False),
        ("https://mcp.github.com:444/x", True),
        ("https://mcp.githuB.com\u200b/mcp", False),
        # KELVIN SIGN and LATIN SMALL LETTER DOTLESS I: letters that fold to ASCII ones.
        ("https://mcp.g\u0131thub.com/mcp", False),
        ("https://mcp.github.com@evil.example/mcp", False),
    ],
)
def test_only_capitals_and_a_dot_at_the_end_make_no_other_host(address: str, is_same: bool) -> None:
    assert compare(HERE, address).is_same_host is is_same


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://mcp.github.com:8443/mcp?x#y", "mcp.github.com:8443"),
        ("https://evil.example#mcp.github.com", "evil.example"),
        ("https://[::1/mcp", "[::1"),
        # `urlsplit` raises for these, which made every page with such a row an error.
        ("https://good.example\uff0fevil.example/", "good.example\uff0fevil.example"),
        ("nothing", ""),
    ],
)
def test_every_text_has_a_host(address: str, host: str) -> None:
    assert host_in(address) == host
