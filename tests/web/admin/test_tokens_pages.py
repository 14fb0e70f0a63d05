"""Admin → Tokens: the matrix, asking its owners to renew a token, deleting one; and what owners see of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from app import clock, mail
from app.extensions import db
from app.models import AuditEvent, Server, Token, User
from app.services import tokens
from app.services.keys import Keys, Secrets
from app.services.tokens import NewToken
from tests.factories import ACTOR, PASSWORD, make_group, make_server, make_token
from tests.mail_servers import MailServer, Manner, mail_server
from tests.pages import Element, Page, PageClient

LIST = "/admin/tokens"
SITE = "https://market.example.org"


def words(text: str) -> str:
    return " ".join(text.split())


def cells(page: Page) -> list[str]:
    """Return the text of each row, but for its buttons."""
    return [words(_without_buttons(page, row)) for row in page.find("tr") if _is_row(row)]


def _is_row(row: Element) -> bool:
    return row.attributes.get("class", "").startswith("row")


def _without_buttons(page: Page, row: Element) -> str:
    parts = [
        one.text
        for one in page.find("th", "td")
        if row in one.parents and one.attributes.get("class") != "action"
    ]
    return " | ".join(parts)


def chips(page: Page) -> dict[str, str]:
    found = [one.text.rsplit(None, 1) for one in page.find("a") if _in_chips(one)]
    return {words(name): count for name, count in found}


def _in_chips(element: Element) -> bool:
    return any(parent.attributes.get("class") == "chips" for parent in element.parents)


def ids_of(app: Flask, email: str = "ann@example.com", name: str = "GitHub") -> tuple[int, int]:
    with app.app_context():
        user_id = db.session.scalar(db.select(User.id).where(User.email == email))
        server_id = db.session.scalar(db.select(Server.id).where(Server.name == name))
        assert user_id and server_id
        return user_id, server_id


def sign_in(app: Flask, email: str) -> PageClient:
    client = app.test_client()
    assert isinstance(client, PageClient)
    client.sign_in(email, PASSWORD)
    return client


def last_event(app: Flask) -> tuple[str, str, str]:
    with app.app_context():
        event = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert event is not None
        return event.action, event.outcome, event.actor_name


@pytest.fixture
def post(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """The mail server that the app uses."""
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)
    with mail_server(Manner()) as server:
        app.config.update(
            {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": server.port, "SMTP_SECURITY": "none"},
            MAIL_FROM="market@example.org",
            SITE_URL=SITE,
        )
        yield server


def test_the_list_has_who_holds_what_and_leads_to_a_person_and_to_a_server(
    app: Flask, carol: PageClient, github: int
) -> None:
    with app.app_context():
        server = make_server("Linear", is_enabled=False)
        ann = db.session.scalars(db.select(User).where(User.email == "ann@example.com")).one()
        make_token(ann, make_server("Notion"), expires_at=clock.now() + timedelta(days=2.5))
        db.session.scalars(db.select(User).where(User.email == "ben@example.com")).one().is_active = False
        db.session.commit()

    page = carol.get_page(LIST)
    of_ann = carol.get_page(next(one.attributes["href"] for one in page.find("a") if "ann@" in one.text))
    of_linear = carol.get_page(f"{LIST}?server={server.id}")

    assert cells(page) == [
        "ann@example.com | GitHub | Saved | Never | No limit | —",
        f"ann@example.com | Notion | Expires in 3 days | Never | {_day(2.5)} | —",
        "ben@example.com Disabled | GitHub | Saved | Never | No limit | —",
    ]
    assert chips(page) == {"All": "3", "Need their owner": "1", "Expiring": "1", "Saved": "2"}
    assert words(of_ann.find("h1")[0].text) == "Tokens of ann@example.com"
    assert [row.partition(" | ")[0] for row in cells(of_ann)] == ["GitHub", "Linear Disabled", "Notion"]
    assert "No token | — | — | —" in cells(of_ann)[1]
    assert chips(of_ann)["No token"] == "1"
    assert [row.partition(" | ")[0] for row in cells(of_linear)] == [
        "ann@example.com",
        "ben@example.com Disabled",
        "carol@example.com",
    ]


def test_a_token_that_its_owner_can_only_delete_says_so_and_nobody_is_asked_to_renew_it(
    app: Flask, carol: PageClient, github: int
) -> None:
    with app.app_context():
        ann = db.session.scalars(db.select(User).where(User.email == "ann@example.com")).one()
        make_group("Team", [ann], [db.session.get_one(Server, github)])
    user_id, _ = ids_of(app, "ben@example.com")

    page = carol.get_page(f"{LIST}?server={github}")

    assert cells(page) == [
        "ann@example.com | Saved | Never | No limit | —",
        "ben@example.com | Saved No longer available to them | Never | No limit | —",
        "carol@example.com | No token Not available to them | — | — | —",
    ]
    asks = [form.attributes["action"] for form in page.find("form") if "/ask" in form.attributes["action"]]
    assert [path.partition("?")[0] for path in asks] == [f"{LIST}/{ids_of(app)[0]}/{github}/ask"]
    assert "No longer available" in carol.get_page(f"{LIST}/{user_id}/{github}/delete").text


def _day(days: float) -> str:
    return (clock.now() + timedelta(days=days)).date().isoformat()


def test_it_is_filtered_by_state_and_none_only_for_a_person_or_a_server(
    app: Flask, carol: PageClient, github: int
) -> None:
    with app.app_context():
        db.session.scalars(db.select(Token)).first().last_check_result = "rejected"  # type: ignore[union-attr]
        db.session.commit()

    assert len(cells(carol.get_page(f"{LIST}?status=attention"))) == 1
    assert "Rejected" in cells(carol.get_page(f"{LIST}?status=rejected"))[0]
    assert "No token is in this state" in carol.get_page(f"{LIST}?status=expired").text
    assert [row.split()[0] for row in cells(carol.get_page(f"{LIST}?server={github}&status=none"))] == [
        "carol@example.com"
    ]
    assert "Choose a person or a server first" in carol.get_page(f"{LIST}?status=none", 422).text
    carol.get_page(f"{LIST}?status=stolen", 422)
    carol.get_page(f"{LIST}?person=999", 404)
    carol.get_page(f"{LIST}?server=999", 404)


def test_a_search_leads_to_the_one_it_finds_and_offers_several(carol: PageClient, github: int) -> None:
    several = carol.get_page(f"{LIST}?q=example.com")
    one_person, one_server = carol.get(f"{LIST}?q=ANN@"), carol.get(f"{LIST}?q=git")

    # The server's host has it too.
    assert [words(one.text) for one in several.find("a") if "person=" in one.attributes["href"]] == [
        "ann@example.com",
        "ben@example.com",
        "carol@example.com",
    ]
    assert [words(one.text) for one in several.find("a") if "server=" in one.attributes["href"]] == ["GitHub"]
    assert (one_person.status_code, "person=" in one_person.location) == (303, True)
    assert (one_server.status_code, one_server.location) == (303, f"{LIST}?server={github}")
    assert "Nothing found" in carol.get_page(f"{LIST}?q=nobody%00%25").text


def test_asking_tells_the_owner_until_they_replace_the_token(
    app: Flask, carol: PageClient, github: int
) -> None:
    user_id, _ = ids_of(app)
    form = carol.get_page(f"{LIST}?server={github}").form(f"{LIST}/{user_id}/{github}/ask")

    answer = carol.submit(form)

    back = carol.get_page(answer.location)
    assert answer.location == f"{LIST}?server={github}"
    assert "ann@example.com will see on their page" in back.text
    assert "No mail is sent here" in back.text
    assert last_event(app) == ("token.renew_asked", "ok", "carol@example.com")
    ann = sign_in(app, "ann@example.com")
    told = "An admin asked you on"
    assert told in words(ann.get_page("/settings/tokens").text)
    assert told in words(ann.get_page(f"/settings/tokens/{github}").text)
    assert "An admin asked you to renew it" in ann.get_page(f"/playground/{github}").text
    assert ann.get(f"/api/mcp-servers/{github}/auth-token").json["renew_asked_at"]
    assert "Asked to renew the token for GitHub" in ann.get_page("/settings/activity").text
    assert "by carol@example.com" in words(ann.get_page("/settings/activity").text)
    assert told not in sign_in(app, "ben@example.com").get_page("/settings/tokens").text

    with app.app_context():
        owner, new = db.session.get_one(User, user_id), NewToken("another-token-of-theirs")
        tokens.save_token(owner, github, new, keys=app.extensions["keys"], actor=ACTOR)
    assert told not in words(ann.get_page("/settings/tokens").text)
    assert ann.get(f"/api/mcp-servers/{github}/auth-token").json["renew_asked_at"] is None
    # The form is of the token that was replaced.
    assert "Somebody else changed this meanwhile" in carol.get_page(carol.submit(form).location).text


def test_asking_sends_one_mail_that_leads_to_the_form(
    app: Flask, carol: PageClient, github: int, post: MailServer
) -> None:
    user_id, _ = ids_of(app)
    form = carol.get_page(LIST).form(f"{LIST}/{user_id}/{github}/ask")

    first = carol.get_page(carol.submit(form).location)
    again = carol.get_page(carol.submit(form).location)

    assert "was asked by mail" in first.text
    assert "was asked already within the last day" in again.text
    assert post.recipients == ["ann@example.com"]
    assert post.read()["Subject"] == "Please renew your token for GitHub"
    assert f"{SITE}/settings/tokens/{github}" in post.text()
    assert "..." not in post.text()


def test_a_mail_that_fails_is_said_to_the_admin(
    app: Flask, carol: PageClient, github: int, post: MailServer
) -> None:
    post.manner.refuses = ("ann@example.com",)
    user_id, _ = ids_of(app)

    page = carol.get_page(LIST)
    page = carol.get_page(carol.submit(page.form(f"{LIST}/{user_id}/{github}/ask")).location)

    assert "the mail was not sent: the mail server refused it" in page.text
    assert last_event(app) == ("token.renew_asked", "not_sent", "carol@example.com")


def test_nobody_is_offered_to_be_asked_who_could_not_act(app: Flask, carol: PageClient, github: int) -> None:
    user_id, _ = ids_of(app)
    path = f"{LIST}/{user_id}/{github}/ask"
    form = carol.get_page(LIST).form(path)
    with app.app_context():
        db.session.get_one(User, user_id).stores_tokens = False
        db.session.commit()

    page = carol.get_page(LIST)
    said = carol.get_page(carol.submit(form).location)

    assert path not in [one.attributes["action"] for one in page.find("form")]
    assert "No new token of theirs would be stored" in said.text


def test_deleting_asks_first_and_says_what_it_does_not_do(app: Flask, carol: PageClient, github: int) -> None:
    user_id, _ = ids_of(app)
    with app.app_context():
        db.session.get_one(Server, github).token_help_url = "https://github.com/settings/tokens"
        db.session.commit()
    path = f"{LIST}/{user_id}/{github}/delete"
    # The key is gone, too.
    app.extensions["keys"] = Keys(Secrets("x" * 40))

    page = carol.get_page(f"{path}?server={github}")
    answer = carol.submit(page.form(path))

    assert "not revoke it at the provider" in words(page.text)
    assert page.find("a", href="https://github.com/settings/tokens")
    assert answer.location == f"{LIST}?server={github}"
    assert "It was not revoked at the provider" in carol.get_page(answer.location).text
    assert last_event(app) == ("token.deleted", "ok", "carol@example.com")
    ann = sign_in(app, "ann@example.com")
    assert "Token deleted for GitHub" in ann.get_page("/settings/activity").text
    assert "by carol@example.com" in words(ann.get_page("/settings/activity").text)
    assert carol.get(path).status_code == 303
    assert "had no token for GitHub any more" in carol.get_page(carol.submit(page.form(path)).location).text


def test_a_token_that_was_saved_meanwhile_is_not_deleted(app: Flask, carol: PageClient, github: int) -> None:
    user_id, _ = ids_of(app)
    path = f"{LIST}/{user_id}/{github}/delete"
    form = carol.get_page(path).form(path)
    with app.app_context():
        owner, new = db.session.get_one(User, user_id), NewToken("another-token-of-theirs")
        tokens.save_token(owner, github, new, keys=app.extensions["keys"], actor=ACTOR)

    answer = carol.submit(form)
    form.values["version"] = ""
    without = carol.submit(form)

    assert answer.location == without.location == path
    assert "Somebody else changed this meanwhile" in carol.get_page(path).text
    with app.app_context():
        assert db.session.query(Token).count() == 2


def test_pages_keep_their_place_and_their_choice(app: Flask, carol: PageClient, github: int) -> None:
    with app.app_context():
        now = clock.now()
        db.session.add_all(
            User(email=f"p{number:02}@example.com", display_name="p", password_hash="-", created_at=now)
            for number in range(60)
        )
        db.session.commit()

    first = carol.get_page(f"{LIST}?server={github}")
    second = carol.get_page(next(one.attributes["href"] for one in first.find("a") if "Next" in one.text))

    assert (len(cells(first)), len(cells(second))) == (50, 13)
    assert not set(cells(first)) & set(cells(second))
    assert words(second.find("h1")[0].text) == "Tokens for GitHub"


def test_whoever_is_still_typing_is_not_led_away_by_the_only_match(carol: PageClient, github: int) -> None:
    assert carol.get(f"{LIST}?q=ann").status_code == 303

    answer = carol.get(f"{LIST}?q=ann", headers={"X-Search": "typing"})

    assert answer.status_code == 200
    assert 'data-found="1 found"' in answer.text
