"""Hostile names, descriptions, tools and results in Chromium: shown as text, and nothing else happens."""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from app.services.tool_names import MAX_RECORDED_CHARS
from app.web.foreign import spelled, visible
from app.web.json_view import MAX_CELL_CHARS
from tests import databases
from tests.browser.hostile_site import (
    AGENT,
    CLIENT_ADDRESS,
    DISABLED,
    EMPTY,
    FORMER,
    HINT,
    HOSTILE_EMAIL,
    LIVE,
    MISLEADING,
    MOVED,
    OTHER_EMAIL,
    Send,
    both_ways,
    by_document,
    call,
    choose,
    hostile_person,
    hostile_site,
    id_of,
    list_tools,
    person_id,
)
from tests.browser.live_site import LiveSite
from tests.browser.watch import Watch, watched
from tests.factories import PASSWORD
from tests.mcp_servers.hostile import ANSWERS, ECHO, QUOTES, REFUSED, SCRIPT, hostile, shown_tools
from tests.mcp_servers.hostile_texts import ELSEWHERE, LINK, MARKER, MARKUP, NAMES, NO_LINKS, TEXTS
from tests.mcp_servers.running import running

pytestmark = pytest.mark.browser

#: Page about people → what of theirs it shows.
ABOUT_PEOPLE = {
    "/settings/account": (HOSTILE_EMAIL,),
    "/settings/account/email": (HOSTILE_EMAIL,),
    "/settings/sessions": (AGENT, CLIENT_ADDRESS),
    "/admin/users": (HOSTILE_EMAIL, OTHER_EMAIL),
    f"/admin/users?q={quote(QUOTES)}": (OTHER_EMAIL, QUOTES),
}
#: Where a sign-in must not lead.
NEXT = (
    f"javascript:{MARKER}=1",
    f"{ELSEWHERE}/",
    f"https:{ELSEWHERE}/",
    "/\\hostile.example/",
    "/\t/hostile.example/",
    "/.//hostile.example/",
    f"data:text/html,{SCRIPT}",
)


@pytest.fixture(scope="module")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    database = databases.copy_of(sqlite_template, tmp_path_factory.mktemp("hostile"))
    with running(hostile()) as remote, hostile_site(database, remote) as site:
        yield site


@pytest.fixture(scope="module")
def signed_in(browser: Browser, site: LiveSite) -> Iterator[Watch]:
    with hostile_person(browser, site) as watch:
        yield watch


@pytest.fixture
def watch(signed_in: Watch) -> Iterator[Watch]:
    """Return the page of a hostile person who has signed in."""
    signed_in.seen.clear()
    yield signed_in
    assert signed_in.seen == []


@pytest.fixture
def stranger(browser: Browser, site: LiveSite) -> Iterator[Watch]:
    with watched(browser, site.url) as watch:
        yield watch
        assert watch.seen == []


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_the_pages_of_a_server_show_its_texts(watch: Watch, site: LiveSite, number: int) -> None:
    server_id, name = id_of(site, NAMES[number]), visible(NAMES[number])

    watch.open(f"/settings/tokens/{server_id}")
    watch.look(f"Token for {name}", f"help {name}", f"like {name}", f"Provider's token page for {name}", HINT)
    watch.open(f"/settings/tokens/{server_id}/delete")
    watch.look(f"Delete the token for {name}?")
    watch.open(f"/playground/{server_id}")
    watch.look(name, SCRIPT)


def test_the_lists_show_all_texts(watch: Watch) -> None:
    names = [*map(visible, NAMES), LIVE, MOVED]

    watch.open("/settings/tokens")
    texts = [text for name in names for text in (name, f"help {name}", f"like {name}")]
    watch.look("Tokens", *texts, DISABLED, HINT, HOSTILE_EMAIL, "Look at both addresses")
    watch.open("/playground")
    watch.look("Playground", *names, HOSTILE_EMAIL)


def test_a_former_address_and_a_disabled_server_are_shown_as_text(watch: Watch, site: LiveSite) -> None:
    watch.open(f"/settings/tokens/{id_of(site, MOVED)}")
    watch.look(f"Token for {MOVED}", "address changed")
    watch.open(f"/settings/tokens/{id_of(site, MOVED)}/confirm-address")
    watch.look(f"New address of {MOVED}", spelled(FORMER))
    watch.open(f"/settings/tokens/{id_of(site, DISABLED)}")
    watch.look(f"Token for {DISABLED}", "An admin disabled this server")


def test_only_web_addresses_become_links(watch: Watch) -> None:
    watch.open("/settings/tokens")
    helps = watch.page.get_by_role("link", name="Provider's token page for")

    assert {link.get_attribute("href") for link in helps.all()} == {LINK}
    for number in range(len(NO_LINKS)):
        row = watch.page.locator(".row", has_text=f"No link {number}.")
        expect(row.locator(".is-token .help")).to_contain_text("help No link")
        expect(row.locator(".help a")).to_have_count(0)


@pytest.mark.parametrize(("path", "heading"), [("/settings/tokens", "Tokens"), ("/playground", "Playground")])
def test_a_search_shows_what_was_searched_for(watch: Watch, path: str, heading: str) -> None:
    nothing = " ".join(TEXTS.values())

    watch.open(f"{path}?q={quote(nothing)}")

    watch.look(heading, f"No server here matches “{visible(nothing)}”.")
    assert watch.page.get_by_role("searchbox").input_value() == nothing


@pytest.mark.parametrize("name", [EMPTY, MISLEADING], ids=["markup", "misleading"])
def test_saving_and_deleting_says_the_name_as_text(watch: Watch, site: LiveSite, name: str) -> None:
    watch.open(f"/settings/tokens/{id_of(site, name)}")
    watch.page.locator("input[name=token]").fill("another-token-0123456789")
    watch.page.get_by_role("button", name="Save token").click()
    watch.look("Tokens", f"Token saved for {visible(name)}.")

    watch.open(f"/settings/tokens/{id_of(site, name)}/delete")
    watch.page.get_by_role("button", name="Delete token").click()
    watch.look("Tokens", f"Token for {visible(name)} deleted here.")


def test_a_refused_form_does_not_act_on_what_it_was_sent(watch: Watch, site: LiveSite) -> None:
    watch.open(f"/settings/tokens/{id_of(site, LIVE)}")
    watch.page.locator("input[name=token]").fill(SCRIPT)
    watch.page.locator("option:checked").evaluate("(option, text) => { option.value = text; }", QUOTES)

    by_document(watch.page.locator("form.token-form"))

    watch.look(f"Token for {LIVE}", "This is not one of the choices.")
    assert watch.page.locator("input[name=token]").input_value() == ""


@both_ways
def test_listing_tools_shows_their_texts(watch: Watch, site: LiveSite, send: Send) -> None:
    list_tools(watch, site, send)

    watch.unfold()
    names = [*dict(shown_tools()), *ANSWERS, REFUSED, ECHO]
    watch.look(LIVE, f"{len(names)} tools", *names)
    for name, text in shown_tools():
        panel = choose(watch, name)
        expect(panel.locator("p.about")).to_have_text(visible(text))
        if text.isprintable():
            written = json.dumps({text: [text]}, ensure_ascii=False, indent=2)
            typed = panel.locator("[name^='arg-']").evaluate_all("all => all.map((field) => field.value)")
            assert typed == [text, text[:100], text, written, ""]
            assert panel.locator(".help bdi").all_inner_texts() == [text] * 4
    watch.look(LIVE)


@both_ways
def test_answers_are_shown_as_text(watch: Watch, site: LiveSite, send: Send) -> None:
    list_tools(watch, site, by_document)

    for tool, answer in ANSWERS.items():
        call(watch, tool, send)
        watch.unfold()
        watch.look(LIVE, *shown_of(answer))
    call(watch, REFUSED, send)
    watch.look(LIVE, "The tool reported an error", f"{SCRIPT} {QUOTES}")


def shown_of(answer: dict[str, Any]) -> list[str]:
    """Return what a page says of an answer, piece by piece."""
    texts = []
    for block in answer["content"]:
        resource = block.get("resource", {})
        if block["type"] == "text" and block["text"].startswith(("[{", '{"')):
            # Shown as a table.
            texts += [text for text in strings_in(json.loads(block["text"])) if len(text) <= MAX_CELL_CHARS]
        elif block["type"] == "text":
            texts += [block["text"]]
        elif "text" in resource:
            texts += [resource["uri"], resource["text"]]
        elif "mimeType" in block and "data" in block:
            texts += [f", {block['mimeType']}, "]
        else:
            texts += [json.dumps(value, ensure_ascii=False) for value in strings_in(block)]
    texts += [json.dumps(text, ensure_ascii=False) for text in answer.get("structuredContent", {})]
    return [visible(text) for text in texts]


def strings_in(value: Any) -> Iterator[str]:
    """Yield every string of a JSON value that is not a key."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings_in(inner)


@both_ways
def test_arguments_reach_the_tool_and_come_back_as_text(watch: Watch, site: LiveSite, send: Send) -> None:
    list_tools(watch, site, by_document)
    panel = choose(watch, ECHO)
    typed = "\n".join(MARKUP.values())
    panel.locator("input[name^='arg-']").first.fill(MARKUP["end of title"])
    panel.locator("textarea").fill(json.dumps({"typed": typed}))
    panel.locator("[inputmode=numeric]").fill("")
    panel.locator("select").first.select_option(QUOTES)

    answer = call(watch, ECHO, send)

    sent = json.loads(answer.locator("pre").inner_text())
    assert list(sent.values()) == [MARKUP["end of title"], QUOTES, {"typed": typed}]
    watch.look(LIVE, MARKUP["end of title"])
    # The same as code, whole and exactly: a shell and Python are given what was typed.
    watch.unfold()
    watch.look(LIVE, "As curl and Python")
    curl, python = watch.page.locator("#code code[dir=ltr]").all_inner_texts()
    body = shlex.split(curl)[shlex.split(curl).index("--data-raw") + 1]
    assert json.loads(body)["params"]["arguments"] == sent
    named = [one for one in ast.parse(python).body if isinstance(one, ast.Assign)]
    assert ast.literal_eval(named[-1].value) == sent


@both_ways
def test_what_is_looked_for_among_the_tools_is_text(watch: Watch, site: LiveSite, send: Send) -> None:
    list_tools(watch, site, by_document)
    box = watch.page.locator("#find")

    for text in (SCRIPT, QUOTES, MARKUP["image"]):
        box.fill(text)
        if send is by_document:
            by_document(watch.page.locator("form[role=search]"))
        watch.look(LIVE)
        assert box.input_value() == text


@both_ways
def test_ones_calls_name_hostile_tools_as_text(watch: Watch, site: LiveSite, send: Send) -> None:
    list_tools(watch, site, by_document)
    names = [name for name in ANSWERS if len(name) <= MAX_RECORDED_CHARS][:3]
    assert len(names) == 3

    for name in names:
        form = choose(watch, name).locator("form")
        watch.unfold()
        form.locator("input.typed-token").fill("zzzzzzzzzzzzzzzzzzzz")
        call(watch, name, send)
        watch.unfold()

        watch.look(LIVE, "It was answered")
        expect(watch.page.locator("#history tbody .name").first).to_have_text(visible(name))


def test_a_fragment_chooses_a_tool_and_does_nothing_else(watch: Watch, site: LiveSite) -> None:
    list_tools(watch, site, by_document)

    watch.page.evaluate(
        "(texts) => { for (const text of texts) location.hash = text; }", [*TEXTS.values(), QUOTES]
    )

    watch.look(LIVE)
    assert watch.page.evaluate("decodeURIComponent(location.hash)") == f"#{QUOTES}"


@pytest.mark.parametrize(
    ("path", "status", "heading"),
    [
        ("/{}", 404, "Not found"),
        ("/settings/{}", 404, "Not found"),
        ("/playground/{}", 404, "Not found"),
        ("/reset-password/{}", 404, "Not found"),
        ("/static/{}", 404, "Not found"),
        ("/settings/tokens?status={}", 422, "Not possible"),
        ("/settings/tokens?after={}", 422, "Not possible"),
    ],
)
def test_an_error_page_does_not_act_on_its_address(
    watch: Watch, path: str, status: int, heading: str
) -> None:
    everything = quote(" ".join(TEXTS.values()), safe="")

    watch.open(path.format(everything), status)

    watch.look(heading, str(status))
    assert "hostileRan" in watch.page.url


def test_the_api_opened_as_a_page_is_text(watch: Watch) -> None:
    watch.open("/api/mcp-servers?limit=100")

    found = watch.inspect()
    assert SCRIPT in found["text"]
    assert found["strange"] == []


def test_signing_in_leads_nowhere_else(stranger: Watch, site: LiveSite) -> None:
    for address in NEXT:
        stranger.open(f"/login?next={quote(address)}")
        stranger.look("Sign in")
        action = stranger.page.locator("main form").evaluate("form => form.action")
        assert action.startswith(f"{site.url}/login?next=")


def test_who_is_signed_in_is_led_nowhere_else(watch: Watch, site: LiveSite) -> None:
    for address in NEXT:
        watch.page.goto(f"/login?next={quote(address)}")
        assert watch.page.url.startswith(f"{site.url}/")
        assert not watch.page.url.startswith(f"{site.url}/login")
        watch.look(None, HOSTILE_EMAIL)


def test_signing_in_by_form_leads_back_to_a_hostile_page_of_ours(stranger: Watch, site: LiveSite) -> None:
    place = f"/playground?q={quote(QUOTES)}"
    stranger.open(f"/sign-up?next={quote(NEXT[0])}")
    stranger.page.get_by_label("Email").fill("'{{7*7}}%s`@example.com")
    stranger.page.get_by_label("Password").fill(PASSWORD)
    stranger.page.get_by_role("button", name="Create account").click()
    stranger.page.wait_for_url(f"{site.url}/settings/tokens")

    stranger.open(f"/login?next={quote(place)}")

    stranger.look("Playground", "'{{7*7}}%s`@example.com")
    assert stranger.page.get_by_role("searchbox").input_value() == QUOTES


@pytest.mark.parametrize("path", ["/login", "/sign-up", "/settings/account/email"])
def test_a_refused_address_comes_back_as_text(stranger: Watch, watch: Watch, path: str) -> None:
    seer = watch if path.startswith("/settings/") else stranger
    typed = " ".join(MARKUP.values())[:300]
    seer.open(f"{path}?next={quote(QUOTES)}")
    seer.page.locator("input[name=email]").fill(typed)
    seer.page.locator("input[name=password]").fill(PASSWORD)

    by_document(seer.page.locator("main form"))

    seer.look(None, typed)


@pytest.mark.parametrize("path", ABOUT_PEOPLE)
def test_pages_about_people_show_them_as_text(watch: Watch, path: str) -> None:
    watch.open(path)

    watch.look(None, HOSTILE_EMAIL)
    shown = [watch.page.locator("main").inner_text(), *watch.inspect()["fields"]]
    assert [text for text in ABOUT_PEOPLE[path] if not any(text in one for one in shown)] == []


def test_resetting_a_second_factor_names_the_person_whose_it_is(watch: Watch, site: LiveSite) -> None:
    other = person_id(site, OTHER_EMAIL)

    watch.open(f"/admin/users/{other}/reset-totp")

    watch.look(f"Reset the second factor of {OTHER_EMAIL}?")
    assert watch.page.locator("main form").evaluate("form => form.action") == watch.page.url


@pytest.mark.parametrize(
    "act", ["", "/disable", "/enable", "/role", "/sign-out", "/delete", "/password-link"]
)
def test_a_page_about_a_person_names_them_and_leads_nowhere_else(
    watch: Watch, site: LiveSite, act: str
) -> None:
    path = f"/admin/users/{person_id(site, OTHER_EMAIL)}{act}"

    watch.open(path)

    watch.look(None, OTHER_EMAIL)
    actions = watch.page.locator("main form").evaluate_all("forms => forms.map(form => form.action)")
    assert actions == ([watch.page.url] if act else [])


def test_where_to_revoke_leads_to_the_providers_alone(watch: Watch) -> None:
    watch.open("/admin/users/1/disable")

    watch.look(None, HOSTILE_EMAIL)
    links = watch.page.locator("main .plain-list a").evaluate_all(
        "links => links.map(link => [link.getAttribute('href'), link.rel])"
    )
    assert {tuple(link) for link in links} == {(LINK, "noopener noreferrer")}


def test_every_other_page_is_quiet_too(watch: Watch, site: LiveSite) -> None:
    rules = [rule for rule in site.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    paths = sorted(rule.rule for rule in rules if not rule.arguments and not rule.rule.startswith("/api/"))
    assert "/settings/tokens" in paths

    # A browser saves the catalogue as a file, and shows no page.
    for path in [path for path in paths if path != "/admin/servers/export"]:
        answer = watch.page.goto(path)
        assert answer is not None
        if answer.header_value("Content-Type") == "text/html; charset=utf-8":
            watch.look(None, HOSTILE_EMAIL)
