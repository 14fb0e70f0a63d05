"""Admin → Groups, and who may use a server."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import GroupMember, ServerGroup
from app.services import groups, servers
from app.services.group_delete import delete_group
from tests.factories import ACTOR, make_group, make_server, make_user
from tests.pages import Page, PageClient

LIST = "/admin/groups"


def read(answer: TestResponse) -> Page:
    return Page(answer.get_data(as_text=True))


def words(page: Page) -> str:
    return " ".join(page.text.split())


def members(app: Flask) -> list[tuple[int, int]]:
    with app.app_context():
        return [(one.group_id, one.user_id) for one in db.session.scalars(db.select(GroupMember))]


@pytest.fixture
def team(app: Flask, github: int) -> str:
    """Return the path of a group of Ann alone."""
    with app.app_context():
        return f"{LIST}/{make_group('Team', [make_user('anna@example.com')]).id}"


def test_a_group_is_created_filled_renamed_and_emptied(app: Flask, carol: PageClient, github: int) -> None:
    page = carol.get_page(LIST)
    assert "No groups yet" in page.text

    created = carol.submit(page.form(LIST), name="  Design  team ")
    path = created.location
    added = carol.submit(carol.get_page(path).form(f"{path}/members"), email="ANN@example.com")
    again = carol.submit(carol.get_page(path).form(f"{path}/members"), email="ann@example.com")

    assert (created.status_code, added.status_code, again.status_code) == (303, 303, 303)
    assert "ann@example.com was in the group already." in carol.get_page(path).text
    [(_, user_id)] = members(app)
    assert carol.submit(carol.get_page(path).form(path), name="Makers").status_code == 303
    page = carol.get_page(path)
    assert page.find("h1")[0].text == "Makers"
    assert "1 person" in words(page)
    row = [" ".join(one.text.split()) for one in carol.get_page(LIST).find("tr")[1:]]
    assert row == ["Makers 1 0 Change Makers"]

    assert carol.submit(page.form(f"{path}/members/{user_id}/remove")).status_code == 303
    assert members(app) == []
    assert "0 people" in words(carol.get_page(path))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Give the group a name."),
        ("a" * 101, "at most 100 characters"),
        ("a\u202eb", "a character that no text has"),
        ("TEAM", "There is a group of this name already."),
    ],
)
def test_what_is_wrong_with_a_name_is_said_beside_it(
    app: Flask, carol: PageClient, team: str, name: str, sentence: str
) -> None:
    with app.app_context():
        other = f"{LIST}/{make_group('Other').id}"
    for path in (LIST, other):
        answer = carol.submit(carol.get_page(path).form(path), name=name)

        assert answer.status_code == 422
        assert sentence in read(answer).find("p", id="name-error")[0].text


def test_somebody_without_an_account_is_not_added(app: Flask, carol: PageClient, team: str) -> None:
    for email in ("nobody@example.com", "", "<script>"):
        answer = carol.submit(carol.get_page(team).form(f"{team}/members"), email=email)

        page = read(answer)
        assert answer.status_code == 422
        assert "There is no account" in page.find("p", id="email-error")[0].text
        assert page.form(team).values["name"] == "Team"
    assert len(members(app)) == 1


def test_who_was_faster_in_renaming_is_not_overwritten_unseen(
    app: Flask, carol: PageClient, team: str
) -> None:
    form = carol.get_page(team).form(team)
    with app.app_context():
        groups.rename_group(int(team.rpartition("/")[2]), "Theirs", ACTOR)

    answer = carol.submit(form, name="Mine")

    assert answer.status_code == 422
    assert "Theirs" in read(answer).find("p", id="name-error")[0].text
    assert carol.submit(read(answer).form(team)).status_code == 303
    assert "Mine" in carol.get_page(team).text


def test_groups_and_people_are_searched_and_go_on_page_by_page(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        people = [make_user(f"p{number:02}@example.com") for number in range(51)]
        path = f"{LIST}/{make_group('Group 00', people).id}"
        for number in range(1, 51):
            make_group(f"Group {number:02}")
    for start, last in ((LIST, "Group 50"), (path, "p50@example.com")):
        first = carol.get_page(start)
        on = next(one for one in first.find("a") if one.text.startswith("Next"))
        second = carol.get_page(on.attributes["href"])

        assert [len(page.find("tr")) - 1 for page in (first, second)] == [50, 1]
        assert last in second.text
        assert last not in first.text
    assert len(carol.get_page(f"{LIST}?q=UP+07").find("tr")) == 2
    assert len(carol.get_page(f"{path}?q=P07").find("tr")) == 2
    assert "Nothing found" in carol.get_page(f"{LIST}?q=%25").text
    assert "Nobody found" in carol.get_page(f"{path}?q=%25").text
    assert carol.get(f"{LIST}?after=x").status_code == carol.get(f"{path}?servers=x").status_code == 422


def test_deleting_says_first_what_becomes_unavailable_to_how_many(
    app: Flask, carol: PageClient, github: int, team: str
) -> None:
    with app.app_context():
        group_id = int(team.rpartition("/")[2])
        server = servers.get_server(github)
        server.for_everyone = False
        db.session.add(ServerGroup(group_id=group_id, mcp_server_id=github))
        db.session.commit()
        for name in ("ann", "ben"):
            user_id = db.session.execute(db.text(f"SELECT id FROM users WHERE email = '{name}@example.com'"))  # noqa: S608
            groups.add_member(group_id, user_id.scalar_one(), ACTOR)
    assert "1 server is there for this group" in words(carol.get_page(team))

    page = carol.get_page(f"{team}/delete")

    assert "3 people are in it." in words(page)
    assert "GitHub to 3 people, 2 of them with a token" in words(page)
    stale = carol.submit(page.form(f"{team}/delete"), unavailable_tokens="7")
    assert (stale.status_code, "nothing was deleted" in stale.text) == (422, True)
    assert carol.submit(page.form(f"{team}/delete")).status_code == 303
    assert "Group Team deleted; 3 people were in it." in carol.get_page(LIST).text
    assert "Now: nobody." in carol.get_page(f"/admin/servers/{github}/groups").text
    carol.get_page(team, status=404)


def test_who_may_use_a_server_is_asked_about_before_it_is_taken_away(
    app: Flask, carol: PageClient, github: int, team: str
) -> None:
    path = f"/admin/servers/{github}/groups"
    assert carol.get_page(f"/admin/servers/{github}").find("a", href=path)[0].text == "Everyone"
    group_id = team.rpartition("/")[2]
    page = carol.get_page(path)
    assert "Now: everyone. 2 people hold a token for it." in words(page)
    values = page.form(path).values | {"for_whom": "groups", f"group-{group_id}": "y"}

    asked = carol.post(path, data=values)

    assert asked.status_code == 422
    assert "2 people who hold a token for it could not use it any more." in words(read(asked))
    form = read(asked).form(path)
    assert "unavailable_tokens" not in form.values
    assert form.values[f"group-{group_id}"] == "y"
    with app.app_context():
        assert servers.get_server(github).for_everyone
    # Sent again without the tick, or with another number, it asks again.
    assert carol.submit(form).status_code == carol.submit(form, unavailable_tokens="1").status_code == 422

    assert carol.submit(form, unavailable_tokens="2").status_code == 303
    page = carol.get_page(path)
    assert "Now: the people of 1 group." in words(page)
    assert carol.get_page(f"/admin/servers/{github}").find("a", href=path)[0].text == "Some groups"

    stale = page.form(path)
    assert carol.post(path, data=stale.values | {"for_whom": "everyone"}).status_code == 303
    faster = carol.submit(stale, for_whom="groups")
    assert "Somebody else changed this server meanwhile" in read(faster).text
    gone = carol.post(path, data=stale.values | {"seen": "", "for_whom": "groups", "group-999": "y"})
    assert gone.status_code == 422
    assert "One of these groups is not there any more." in read(gone).text
    with app.app_context():
        assert servers.get_server(github).for_everyone


def test_a_groups_own_words_are_shown_and_never_obeyed(app: Flask, carol: PageClient) -> None:
    with app.app_context():
        server = make_server("<i>server")
        group = make_group("<script>alert(1)</script>", [make_user()], [server])
    path = f"{LIST}/{group.id}"

    for page in (LIST, path, f"{path}/delete", f"/admin/servers/{server.id}/groups", "/admin/audit"):
        answer = carol.get(page)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<i>" not in answer.text


def test_people_see_in_their_activity_that_they_were_put_into_a_group(app: Flask, client: PageClient) -> None:
    with app.app_context():
        ann = make_user()
        delete_group(make_group("Design", [ann]).id, ACTOR, unavailable_tokens=None)
    client.sign_in(ann.email, "correct horse battery")

    page = client.get_page("/settings/activity?kind=group")

    said = [one.text for one in page.find("p", class_="what")]
    assert said == ["Removed from the group Design", "Added to the group Design"]
