"""Admin → Servers: deleting, with every token that is saved for the server."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from tests.canary import CANARY_HINT
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.pages import Form, PageClient
from tests.web.admin.test_servers_pages import LIST, events, path_of, read, saved, words


def delete_form(client: PageClient, server_id: int) -> Form:
    path = f"{path_of(server_id)}/delete"
    return client.get_page(path).form(path)


def test_before_deleting_the_page_says_whose_tokens_go_and_no_hint(
    app: Flask, carol: PageClient, github: int
) -> None:
    with app.app_context():
        server = db.session.get_one(Server, github)
        server.token_help_url = "https://example.com/tokens"
        db.session.execute(
            db.update(Token).where(Token.user_id == 2).values(bound_url="https://old.example.com/")
        )
        db.session.commit()

    page = carol.get_page(f"{path_of(github)}/delete")

    text = words(page)
    assert "The tokens of 2 people go with it, for good." in text
    assert "Nothing is revoked at the provider" in text
    assert page.find("a", href="https://example.com/tokens")
    rows = [" ".join(row.text.split()) for row in page.find("tr")[1:]]
    assert sorted(rows) == ["ann@example.comOn hold", "ben@example.comSaved"]
    assert [" ".join(item.text.split()) for item in page.find("li") if "1" in item.text] == [
        "On hold 1",
        "Saved 1",
    ]
    assert CANARY_HINT not in page.text
    assert "...a1b2" not in page.text


def test_many_people_are_told_page_by_page(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        server_id = make_server("Many").id
        with_tokens(server_id, 61)
    first = carol.get_page(f"{path_of(server_id)}/delete")
    on = next(link for link in first.find("a") if link.text.startswith("Next"))

    second = carol.get_page(on.attributes["href"])

    assert [len(page.find("tr")) - 1 for page in (first, second)] == [50, 11]
    for page in (first, second):
        assert "The tokens of 61 people go with it" in words(page)
    form = second.form(f"{path_of(server_id)}/delete")
    assert carol.submit(form, name="Many").status_code == 303


def with_tokens(server_id: int, people: int) -> None:
    """Add people and their tokens as rows: nobody signs in as one of them."""
    now, url = clock.now(), db.session.get_one(Server, server_id).url
    facts: dict[str, Any] = {"display_name": "P", "password_hash": "-", "created_at": now}
    rows = [User(email=f"p{number:02}@example.com", **facts) for number in range(people)]
    db.session.add_all(rows)
    db.session.flush()
    facts = {"mcp_server_id": server_id, "token_encrypted": "sealed", "key_id": "key", "bound_url": url}
    db.session.add_all(Token(user_id=row.id, created_at=now, updated_at=now, **facts) for row in rows)
    db.session.commit()


@pytest.mark.parametrize("typed", ["GitHub", "  GitHub ", "\uff27itHub", "server-1"])
def test_with_its_name_typed_it_goes_with_every_token_and_each_owner_reads_it(
    app: Flask, carol: PageClient, github: int, typed: str
) -> None:
    answer = carol.submit(delete_form(carol, github), name=typed)

    assert (answer.status_code, answer.location) == (303, LIST)
    text = words(carol.get_page(LIST))
    assert "GitHub is deleted. The tokens of 2 people went with it" in text
    with app.app_context():
        assert db.session.scalars(db.select(Token)).all() == []
        assert db.session.get(Server, github) is None
    assert events(app) == [("server.deleted", {"deleted_tokens": 2})]
    ann = app.test_client()
    assert isinstance(ann, PageClient)
    ann.sign_in("ann@example.com", PASSWORD)
    activity = words(ann.get_page("/settings/activity"))
    assert "Token for GitHub deleted, because the server was deleted" in activity
    assert "by carol@example.com" in activity


NO_NAMES = ("", " ", "github", "GitHu", "GitHub2", "Git\u04bbub", "\u202eGitHub", "1", "x" * 5000, "\x00")


def test_any_other_name_deletes_nothing(app: Flask, carol: PageClient, github: int) -> None:
    form = delete_form(carol, github)
    for typed in NO_NAMES:
        answer = carol.submit(form, name=typed)

        assert answer.status_code == 422
        assert "This is not its name." in read(answer).find("p", id="name-error")[0].text
    assert events(app) == []
    assert saved(app, github)


def test_no_more_is_deleted_than_was_said(app: Flask, carol: PageClient, github: int) -> None:
    form = delete_form(carol, github)
    with app.app_context():
        make_token(make_user("dan@example.com"), db.session.get_one(Server, github))

    answer = carol.submit(form, name="GitHub")

    page = read(answer)
    again = page.form(f"{path_of(github)}/delete")
    assert answer.status_code == 422
    assert "The number of tokens changed meanwhile, so nothing was deleted." in page.text
    assert "The tokens of 3 people go with it" in words(page)
    assert again.values["name"] == ""
    assert events(app) == []
    assert carol.submit(again, name="GitHub").status_code == 303
    assert events(app) == [("server.deleted", {"deleted_tokens": 3})]


def test_no_other_number_stands_for_consent(app: Flask, carol: PageClient, github: int) -> None:
    values = delete_form(carol, github).values | {"name": "GitHub"}
    for said in ("", "x", "-2", "2.0", "\uff12", "9" * 5000, "\x00"):
        answer = carol.post(f"{path_of(github)}/delete", data=values | {"deleted_tokens": said})

        assert answer.status_code == 422, said
    assert saved(app, github)


def test_what_another_admin_deleted_first_is_a_404(app: Flask, carol: PageClient, github: int) -> None:
    form = delete_form(carol, github)
    page = carol.get_page(path_of(github))
    carol.submit(form, name="GitHub")

    assert carol.submit(form, name="GitHub").status_code == 404
    for act in ("enable", "disable", "try"):
        forms = [one for one in page.find("form") if one.attributes["action"].endswith(act)]
        if forms:
            assert carol.submit(page.form(f"{path_of(github)}/{act}")).status_code == 404


def test_a_hostile_name_is_written_out_and_can_be_deleted_by_its_short_name(
    app: Flask, carol: PageClient
) -> None:
    for name in ("<script>alert(1)</script>", "\u202eevil", "a\u200bb", "日本 — %(x)s {y}"):
        with app.app_context():
            server = make_server(name)
            server_id, slug = server.id, server.slug

        page = carol.get(f"{path_of(server_id)}/delete")

        assert "<script>alert" not in page.text
        assert "\u202e" not in page.text
        assert carol.submit(delete_form(carol, server_id), name=slug).status_code == 303
        done = carol.get(LIST).text
        assert "<script>alert" not in done
        assert "\u202e" not in done
