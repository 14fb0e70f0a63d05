"""The first run: what an empty account is told, how one goes on after a save, where a token is got."""

from __future__ import annotations

from flask import Flask

from app.models import Server, User
from app.services import accounts
from tests.factories import ACTOR, make_server, make_token
from tests.pages import Page, PageClient

LIST = "/settings/tokens"
FIRST_RUN = "card first-run"
NEXT_STEP = "notice is-info next-step"


def words(text: str) -> str:
    return " ".join(text.split())


def save(client: PageClient, server: Server, token: str) -> Page:
    form = client.get_page(f"{LIST}/{server.id}").form(f"{LIST}/{server.id}")
    form.values.pop("check", None)
    answer = client.submit(form, token=token)
    assert answer.status_code == 303, answer.status
    return client.get_page(answer.headers["Location"].partition("#")[0])


def test_an_empty_account_is_told_what_this_is_why_it_is_safe_and_the_one_thing_to_do(
    client: PageClient, ann: User, github: Server
) -> None:
    told = words(client.get_page(LIST).find("section", class_=FIRST_RUN)[0].text)

    for part in ("uses it when you call a tool", "Sealed.", "Shown to nobody.", "press Save token"):
        assert part in told


def test_the_first_save_leads_on_to_the_check_and_the_playground_and_the_second_to_the_check_alone(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    with app.app_context():
        other = make_server("Other")

    first = save(client, github, "a-token-0123456789")

    (notice,) = first.find("div", class_=NEXT_STEP)
    assert "Your first token is saved." in notice.text
    links = [one.attributes["href"] for one in first.find("a") if notice in one.parents]
    assert links == [f"/playground/{github.id}"]
    assert first.form(f"{LIST}/{github.id}/check").method == "POST"
    assert not first.find("section", class_=FIRST_RUN)
    assert not client.get_page(LIST).find("div", class_=NEXT_STEP)
    second = save(client, other, "another-token-0123456789")
    assert "first token" not in second.find("div", class_=NEXT_STEP)[0].text


def test_where_only_servers_without_a_token_are_listed_the_next_step_is_there_all_the_same(
    client: PageClient, ann: User, github: Server
) -> None:
    path = f"{LIST}/{github.id}"
    form = client.get_page(f"{path}?status=none").form(path)
    form.values.pop("check", None)

    answer = client.submit(form, token="a-token-0123456789")

    assert "status=none" in answer.headers["Location"]
    assert client.get_page(answer.headers["Location"].partition("#")[0]).find("div", class_=NEXT_STEP)


def test_a_server_says_where_its_token_is_got_and_what_one_can_do_when_it_does_not(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    with app.app_context():
        told = make_server("Told", token_help="Under My profile.", token_placeholder="v1.0-…")
        silent = make_server("Silent", token_required=False)

    def where(server: Server) -> str:
        return words(client.get_page(f"{LIST}/{server.id}").find("section", class_="where")[0].text)

    assert where(github) == (
        "Where to get the token Provider's token page for GitHub https://github.com/settings/tokens"
    )
    assert where(told) == "Where to get the token Under My profile. It looks like this: v1.0-…"
    assert "Nobody has written down here where one gets it." in where(silent)
    assert "Without a token this server may show less" in where(silent)


def test_an_admin_of_an_empty_catalogue_is_led_to_adding_a_server_and_nobody_else_is(
    app: Flask, client: PageClient, ann: User
) -> None:
    def ways(path: str) -> set[str]:
        return {one.attributes["href"] for one in client.get_page(path).find("a", class_="button is-main")}

    assert ways(LIST) == ways("/playground") == set()
    with app.app_context():
        accounts.set_role(ann.email, "admin", ACTOR)

    for path in (LIST, "/playground", "/admin/servers"):
        assert ways(path) == {"/admin/servers/new"}


def test_whoever_holds_a_token_is_no_newcomer(
    app: Flask, client: PageClient, ann: User, github: Server
) -> None:
    with app.app_context():
        make_token(ann, github)

    assert not client.get_page(LIST).find("section", class_=FIRST_RUN)
