"""Settings, Activity: my own events in sentences; and what is odd about them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app import clock
from app.extensions import db
from app.models import AuditEvent, User
from app.services import accounts, sessions
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.audit_verify import verify_ledger
from app.services.uses import Door, begin_use
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.pages import PageClient

EMAIL = "ann@example.com"


@pytest.fixture
def ann(app: Flask, client: PageClient) -> PageClient:
    with app.app_context():
        make_user(EMAIL)
    client.sign_in(EMAIL, PASSWORD)
    return client


def whats(client: PageClient, path: str = "/settings/activity") -> list[str]:
    return [" ".join(one.text.split()) for one in client.get_page(path).find("p", class_="what")]


def note(app: Flask, action: Action, days_ago: float = 0, email: str = EMAIL, **more: object) -> None:
    """Write an event as it was written then."""
    details = {"token_source": "saved", "purpose": "call_tool"} if action is Action.TOKEN_USED else None
    with app.app_context():
        user = db.session.scalars(db.select(User).where(User.email == email)).one()
        now = clock.now()
        try:
            clock_then = now - timedelta(days=days_ago)
            original, clock.now = clock.now, lambda: clock_then
            record(
                action,
                Actor(None, "", "198.51.100.1", "curl", "x"),
                subject_user_id=user.id,
                details=details,
                **more,
            )  # type: ignore[arg-type]
            db.session.commit()
        finally:
            clock.now = original


def odd(client: PageClient) -> list[str]:
    page = client.get_page("/settings/tokens")
    return [" ".join(one.text.split()) for one in page.find("div", class_="notice is-odd")]


def test_my_events_are_told_in_sentences_the_newest_first_and_nobody_elses(
    app: Flask, ann: PageClient
) -> None:
    with app.app_context():
        bob = make_user("bob@example.com")
        server = make_server("GitHub")
        make_token(db.session.get_one(User, 1), server)
        make_token(bob, server)
        accounts.set_active("bob@example.com", False, ACTOR)

    assert whats(ann) == ["Token saved for GitHub", "Signed in", "Account created"]
    assert "by you" in ann.get_page("/settings/activity").text


def test_what_an_admin_did_with_my_things_names_the_admin(app: Flask, ann: PageClient) -> None:
    with app.app_context():
        carol = make_user("carol@example.com", admin=True)
        accounts.set_role(EMAIL, "auditor", ACTOR.signed_in_as(carol))

    assert whats(ann)[0] == "Role changed to auditor"
    assert "carol@example.com" in ann.get_page("/settings/activity").text


def test_it_can_be_filtered_by_kind_and_server_and_goes_on_by_cursor(app: Flask, ann: PageClient) -> None:
    with app.app_context():
        user = db.session.get_one(User, 1)
        first, second = make_server("First"), make_server("Second")
        for _ in range(60):
            make_token(user, first)
        make_token(user, second)

    assert whats(ann, "/settings/activity?kind=sign_in") == ["Signed in"]
    assert whats(ann, f"/settings/activity?server={second.id}") == ["Token saved for Second"]
    page = ann.get_page("/settings/activity?kind=token")
    (older,) = [a.attributes["href"] for a in page.find("a", class_="next")]
    assert len(page.find("p", class_="what")) == 50
    assert len(whats(ann, older)) == 11
    for made_up in ("before=x", "before=-1", "before=99999999999", "server=%00", "kind=%25", "kind=nothing"):
        assert ann.get(f"/settings/activity?{made_up}").status_code == 200


def test_names_full_of_markup_and_line_breaks_stay_one_event_and_inert(app: Flask, ann: PageClient) -> None:
    name = '<script>x</script>\r\n{"forged": 1}\u202e=1+1'
    with app.app_context():
        make_token(db.session.get_one(User, 1), make_server(name))

    page = ann.get_page("/settings/activity")

    assert len(page.find("p", class_="what")) == 3
    assert "\u202e" not in page.text
    assert not [one for one in page.find("script") if "src" not in one.attributes]
    with app.app_context():
        assert verify_ledger(app.extensions["audit_key"]).fault is None


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([(Action.SIGN_IN_OK, 0)], "which was not used for this account before"),
        ([(Action.SIGN_IN_FAILED, 0)] * 5, "Many sign-ins to this account failed"),
        ([(Action.TOKEN_USED, 0)] * 100, "100 times within an hour"),
        ([(Action.TOKEN_UNREADABLE, 0)], "cannot be read any more"),
    ],
)
def test_what_is_odd_is_said_and_can_be_dismissed_which_is_recorded(
    app: Flask, ann: PageClient, events: list[tuple[Action, float]], said: str
) -> None:
    assert odd(ann) == []
    for action, days_ago in events:
        note(app, action, days_ago)

    (notice,) = odd(ann)
    assert said in notice

    page = ann.get_page("/settings/tokens")
    (form,) = [one for one in page.find("form") if one.attributes["action"].endswith("/dismiss")]
    assert ann.submit(page.form(form.attributes["action"])).status_code == 303
    assert odd(ann) == []
    assert whats(ann)[0] == "A notice was dismissed"
    assert ann.submit(page.form(form.attributes["action"])).status_code == 404


@pytest.mark.parametrize(
    "events",
    [
        [(Action.SIGN_IN_FAILED, 0)] * 4,
        [(Action.SIGN_IN_FAILED, 30)] * 5,
        [(Action.TOKEN_USED, 0)] * 99,
        [(Action.TOKEN_UNREADABLE, 15)],
    ],
)
def test_what_is_not_odd_or_long_ago_is_not_said(
    app: Flask, ann: PageClient, events: list[tuple[Action, float]]
) -> None:
    for action, days_ago in events:
        note(app, action, days_ago)

    assert odd(ann) == []


def test_a_use_after_a_long_rest_is_odd(app: Flask, ann: PageClient) -> None:
    with app.app_context():
        user, server = accounts.get_user(EMAIL), make_server("Rested")
        make_token(user, server, last_used_at=clock.now() - timedelta(days=91))
        door = Door(app.extensions["keys"], app.extensions["egress"], ACTOR, app.extensions["call_slots"])
        begin_use(user, server.id, None, "call_tool", door)

    assert "The token for Rested was used after 90 days of rest." in odd(ann)[0]
    assert whats(ann)[0] == "Token sent to Rested"


def test_a_use_right_after_an_address_change_is_odd(app: Flask, ann: PageClient) -> None:
    with app.app_context():
        server = make_server("Moved")
        record(Action.SERVER_ADDRESS_CHANGED, ACTOR, server=server, details={"held_tokens": 1})
        db.session.commit()
        note(app, Action.TOKEN_USED, server=server)

    assert "right after its address changed" in odd(ann)[0]


def test_another_persons_notice_is_not_there_to_dismiss(app: Flask, ann: PageClient) -> None:
    with app.app_context():
        make_user("bob@example.com")
        user = db.session.scalars(db.select(User).where(User.email == "bob@example.com")).one()
        sessions.start_session(user, ACTOR)
    note(app, Action.SIGN_IN_OK, email="bob@example.com")
    with app.app_context():
        event_id = db.session.scalar(db.select(db.func.max(AuditEvent.id)))
    token = ann.get_page("/settings/sessions").find("input", name="csrf_token")[0].attributes["value"]

    answer = ann.post(f"/settings/activity/new_agent/{event_id}/dismiss", data={"csrf_token": token})

    assert answer.status_code == 404
