"""Placeholders: what is asked for, what never is, and how answers are read back out of what they made."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mcp.catalogue import Catalogue, Entry, ProposedServer
from app.mcp.egress import Egress
from app.mcp.placeholders import PLACEHOLDER, Answers, KeptServer, Question, read_back
from app.mcp.registry import read_catalogue

PRODUCTION = Egress(allow=frozenset(), plain_http=False)
NAME = "com.example/mcp"


def read(
    url: str = "https://a.example/mcp", *headers: Any, given: Any = None, kept: Any = None, **facts: Any
) -> Catalogue:
    remote = {"type": "sse", "url": url, "headers": list(headers), **facts}
    answers = Answers(given or {}, {NAME: kept or []})
    return read_catalogue(json.dumps({"name": NAME, "remotes": [remote]}), PRODUCTION, answers)


def only(catalogue: Catalogue) -> ProposedServer:
    [[server]] = [entry.servers for entry in catalogue.entries]
    return server


def asked(catalogue: Catalogue) -> dict[str, Question]:
    return {question.name: question for question in catalogue.questions}


def test_a_placeholder_in_an_address_is_asked_for_and_filled_in() -> None:
    url = "https://{tenant}.example.com/<zone>/mcp"

    open_, filled = read(url), read(url, given={"tenant": "acme", f"{NAME}:zone": "eu"})

    assert open_.entries == ()
    assert [skip.why for skip in open_.skipped] == ["the address is a template with a part to fill in"]
    assert [(one.key, one.is_open) for one in open_.questions] == [
        (f"{NAME}:tenant", True),
        (f"{NAME}:zone", True),
    ]
    assert only(filled).url == "https://acme.example.com/eu/mcp"
    assert not any(one.is_open for one in filled.questions)


def test_a_declared_variable_is_asked_with_what_is_known_of_it() -> None:
    variables = {
        "zone": {"description": "Where\u202e", "default": "eu", "choices": ["eu", "us", 7]},
        "v": {"value": "1"},
    }

    silent = read("https://{zone}.example.com/{v}", variables=variables)
    chosen = read("https://{zone}.example.com/{v}", variables=variables, given={"zone": "us"})
    wrong = read("https://{zone}.example.com/{v}", variables=variables, given={"zone": "mars"})

    assert only(silent).url == only(wrong).url == "https://eu.example.com/1"
    assert only(chosen).url == "https://us.example.com/1"
    question = asked(silent)["zone"]
    assert (question.description, question.choices, question.answer, question.source) == (
        *("Where", ("eu", "us"), "eu", "default"),
    )
    assert asked(silent).keys() == {"zone"}
    assert asked(wrong)["zone"].refused == "the answer is none of the choices"


def test_a_header_without_a_value_is_asked_for() -> None:
    headers = [
        {"name": "X-Key"},
        {"name": "X-Org", "isRequired": True, "description": "Whose"},
        {"name": "X-More"},
    ]

    open_, filled = (
        read("https://a.example", *headers),
        read("https://a.example", *headers, given={"X-Org": "acme"}),
    )

    assert only(open_).disabled_reason == "It needs the header X-Org, but its entry gives no value for it."
    assert [(one.name, one.is_open) for one in open_.questions] == [("X-Org", True), ("X-More", False)]
    assert (only(filled).is_enabled, only(filled).extra_headers) == (True, {"X-Org": "acme"})


@pytest.mark.parametrize(
    ("url", "header", "variables"),
    [
        ("https://a.example/{api_key}/mcp", {}, {}),
        ("https://a.example/mcp?token={t}", {}, {"t": {"isSecret": True, "default": "s3cr3t"}}),
        ("https://a.example", {"name": "X-Key", "value": "{whatever}"}, {}),
        ("https://a.example", {"name": "X-Thing", "value": "{thing}"}, {}),
        ("https://a.example", {"name": "Authorization", "value": "Bearer {a}"}, {}),
    ],
)
def test_a_secret_is_never_asked_for(url: str, header: dict[str, Any], variables: dict[str, Any]) -> None:
    given = dict.fromkeys(("api_key", "t", "whatever", "thing", "a", "X-Key"), "s3cr3t")

    catalogue = read(url, header or {"name": "X-Key"}, variables=variables, given=given)

    assert catalogue.questions == ()
    assert "s3cr3t" not in repr(catalogue)


@pytest.mark.parametrize("answer", ["{x}", "<y>", "a\nb", "\u202e", "x" * 501])
def test_an_answer_that_is_a_template_again_or_no_line_is_none(answer: str) -> None:
    question = asked(read("https://{t}.example.com", given={"t": answer}))["t"]

    assert (question.answer, question.is_open) == ("", True)
    assert question.refused and answer not in question.refused


def test_what_an_answer_makes_of_an_address_is_looked_at_like_any_other() -> None:
    for answer in ("someone:pw@evil", "a b", "127.1/x#", "evil.example/?"):
        catalogue = read("https://{t}.example.com/mcp", given={"t": answer})

        # The host that comes of it is in the review; nothing that could not be saved otherwise.
        urls = [server.url for entry in catalogue.entries for server in entry.servers]
        assert urls == (["https://evil.example/?.example.com/mcp"] if answer == "evil.example/?" else [])


def test_answers_are_read_back_out_of_the_server_they_went_into() -> None:
    headers = [
        {"name": "X-Key"},
        {"name": "X-Org", "isRequired": True},
        {"name": "X-Zone", "value": "z-{zone}"},
    ]
    kept = [KeptServer("https://acme.example.com/mcp", {"x-org": "acme inc", "X-Zone": "z-eu"})]

    again = read("https://{tenant}.example.com/mcp", *headers, kept=kept)

    assert only(again).url == kept[0].url
    assert only(again).extra_headers == {"X-Org": "acme inc", "X-Zone": "z-eu"}
    assert {one.source for one in again.questions} == {"kept"}


def test_of_several_servers_the_one_that_the_entry_still_has_is_read() -> None:
    kept = [
        KeptServer("https://old.example.com/mcp", {}, False),
        KeptServer("https://new.example.com/mcp", {}),
    ]

    assert only(read("https://{tenant}.example.com/mcp", kept=kept)).url == "https://new.example.com/mcp"


TEMPLATES = st.lists(
    st.sampled_from(["{a}", "{b}", "<c>", "${d}", "/", ".", "x", "https://", "xx", "/mcp"]), max_size=8
).map("".join)


@given(template=TEMPLATES, answers=st.lists(st.text("ax/.", min_size=1, max_size=4), min_size=4, max_size=4))
def test_what_is_read_back_makes_the_same_text_again(template: str, answers: list[str]) -> None:
    filled = fill(template, dict(zip("abcd", answers, strict=True)))

    back = read_back(template, filled)

    assert not back or fill(template, back) == filled


@given(
    names=st.lists(st.sampled_from("abcd"), unique=True, min_size=1),
    answers=st.lists(st.text("xy.", min_size=1), min_size=4, max_size=4),
)
def test_every_answer_of_names_that_stand_once_is_read_back_somehow(
    names: list[str], answers: list[str]
) -> None:
    template = "https://" + "/".join(f"{{{name}}}" for name in names) + "/mcp"
    given = dict(zip("abcd", answers, strict=True))

    assert fill(template, read_back(template, fill(template, given))) == fill(template, given)


def fill(template: str, answers: dict[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: answers[(match[1] or match[2]).strip()], template)


def test_no_template_takes_long() -> None:
    started = time.monotonic()

    read_back("{a}a" * 1000 + "b", "a" * 4000)
    read("https://a.example/" + "{a}a" * 1000, kept=[KeptServer("https://a.example/" + "a" * 2000, {})])
    read("https://a.example/" + "<" * 100_000)
    read("https://a.example", *({"name": f"X-{number}", "value": "{a}"} for number in range(10_000)))

    assert time.monotonic() - started < 5


@pytest.mark.parametrize("template", ["{a}" * 1300, "{a}", "{b}" * 1300, "{a}{c}", "x" * 5000])
def test_no_template_makes_a_text_that_is_too_long(template: str) -> None:
    # Given by the entry, or answered by its default.
    variables = {"a": {"value": "x" * 100_000}, "b": {"default": "y" * 500}}
    facts = {"value": template, "variables": variables}
    tracemalloc.start()

    address = read(f"https://a.example/{template}", variables=variables)
    open_ = read("https://a.example", {"name": "X-Key"}, {"name": "X-Org", **facts})
    secret = read(
        "https://a.example", {"name": "X-Key", "isSecret": True, **facts, "value": f"{template}{{c}}"}
    )

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
    assert [skip.why for skip in address.skipped] == ["the address is too long"]
    assert "a header is too long" in [skip.why for skip in open_.skipped]
    assert not any(server.extra_headers for entry in open_.entries for server in entry.servers)
    assert not any(server.is_enabled for entry in secret.entries for server in entry.servers)


def test_an_entry_with_thousands_of_addresses_to_fill_in_takes_no_long() -> None:
    # All fit as far as they can before they do not.
    urls = [f"https://{{t}}.example.com/{number}/{{u}}/" for number in range(1000)]
    variables = {"t": {"default": "x"}, "u": {"default": "y"}}
    remotes = [{"type": "sse", "url": url, "variables": variables} for url in urls]
    plain = [{"type": "sse", "url": f"https://a.example/{number}"} for number in range(1000)]
    kept = [KeptServer(url.format(t="x", u="z"), {}) for url in urls]
    kept += [KeptServer(remote["url"], {}) for remote in plain]
    entry = json.dumps({"name": NAME, "remotes": [*remotes, *plain]})
    started = time.monotonic()

    catalogue = read_catalogue(entry, PRODUCTION, Answers({}, {NAME: kept}))

    assert time.monotonic() - started < 5
    assert len(only_entry(catalogue).servers) == 1200
    assert only_entry(catalogue).servers[199].url == "https://x.example.com/199/z/"
    assert {skip.why for skip in catalogue.skipped} == {"its entry has more than 200 addresses to fill in"}


def only_entry(catalogue: Catalogue) -> Entry:
    [entry] = catalogue.entries
    return entry


def test_a_placeholder_is_asked_once_however_often_it_stands_there() -> None:
    choices = [f"{number}" * 500 for number in range(10)]
    started = time.monotonic()

    for _ in range(20):
        read("https://a.example/" + "{a}" * 1300, variables={"a": {"choices": choices * 10}})

    assert time.monotonic() - started < 5
