"""The matrix: states found where their ranges say, totals, pages that miss nothing and repeat nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import event

from app import clock
from app.errors import InvalidInputError, NotThereError
from app.extensions import db
from app.models import Server, Token, User
from app.services import token_matrix, token_totals
from app.services.token_choice import Choice
from app.services.token_matrix import all_cells, get_cell, list_cells
from app.services.token_ranges import count_up_to, ids_in
from app.services.token_status import ATTENTION, STATUSES, status_expression
from app.services.token_totals import count_cells
from tests.cells import make_every_state

HELD = STATUSES[1:]


@pytest.fixture
def made(app: Flask) -> Iterator[int]:
    """Return how many tokens there are, in every mixture of states."""
    with app.app_context():
        yield make_every_state()


def states() -> dict[int, str]:
    """Return token id → status, by the one definition of it."""
    statement = db.select(Token.id, status_expression(clock.now())).join(
        Server, Server.id == Token.mcp_server_id
    )
    return {record[0]: record[1] for record in db.session.execute(statement)}


def choices() -> list[Choice]:
    person = db.session.scalars(db.select(User.id).order_by(User.id)).all()
    server = db.session.scalars(db.select(Server.id).order_by(Server.id)).all()
    return [
        Choice(),
        *(Choice(person_id=one) for one in (person[0], person[-1])),
        *(Choice(server_id=one) for one in (server[3], server[-1])),
        Choice(person_id=person[2], server_id=server[2]),
    ]


def pages(wanted: Choice, *, gather: bool, limit: int = 7) -> list[tuple[int, int]]:
    """Return person and server of every cell, page by page."""
    totals = count_cells(wanted) if gather else None
    found, after = [], ""
    while True:
        page = list_cells(replace(wanted, limit=limit, after=after), totals)
        found += [(cell.user_id, cell.server_id) for cell in page.cells]
        if page.next is None:
            return found
        assert len(page.cells) == limit
        after = page.next


def test_each_token_stands_in_one_range_of_its_status_and_in_none_of_another(made: int) -> None:
    by_status: dict[str, list[int]] = {word: [] for word in HELD}
    for token_id, word in states().items():
        by_status[word].append(token_id)
    assert all(by_status.values()), "every state is there"

    for word, ids in by_status.items():
        assert sorted(db.session.scalars(ids_in([word], clock.now()))) == sorted(ids), word
    everything = db.session.scalars(ids_in(HELD, clock.now())).all()

    assert Counter(everything) == Counter(states().keys())
    assert len(everything) == made


def test_counting_ends_at_its_limit(made: int) -> None:
    exact = Counter(states().values())

    for limit in (1, 2, 3, 1000):
        # At one of them, the servers alone say that there are so many tokens on hold; at another they do not.
        counted = count_up_to(dict.fromkeys(HELD, limit), clock.now())
        assert counted == {word: min(limit, exact[word]) for word in HELD}
        assert [count_up_to({word: limit}, clock.now())[word] for word in HELD] == [
            min(limit, exact[word]) for word in HELD
        ]


def test_a_token_that_is_unreadable_is_not_on_hold_besides(made: int) -> None:
    now = clock.now()
    db.session.execute(db.update(Token).values(bound_url="https://before.example.com/", unreadable_at=now))

    assert count_up_to({"on_hold": 1}, now) == {"on_hold": 0}
    assert db.session.scalars(ids_in(["on_hold"], now)).all() == []


def test_totals_are_those_of_all_cells(made: int) -> None:
    for wanted in choices():
        counted = Counter(cell.status for cell in all_cells(wanted))

        totals = count_cells(wanted)

        assert {word: totals.counts[word] for word in STATUSES} == {word: counted[word] for word in STATUSES}
        assert totals.counts["all"] == counted.total()
        assert totals.counts["attention"] == sum(counted[word] for word in ATTENTION)
        assert totals.more == frozenset()


def test_a_person_and_a_server_have_a_cell_for_each_of_the_others(made: int) -> None:
    everything, _, nobody, _, unused, one = (len(list(all_cells(wanted))) for wanted in choices())

    assert (everything, nobody, unused, one) == (made, 14, 14, 1)
    assert {cell.status for cell in all_cells(choices()[2])} == {"none"}
    assert all(cell.version is None for cell in all_cells(choices()[4]))


def test_pages_of_any_choice_miss_nothing_and_repeat_nothing_however_they_are_found(made: int) -> None:
    for choice in choices():
        cells = list(all_cells(choice))
        for status in ("", "attention", *(HELD if choice.is_of_all else STATUSES)):
            wanted = replace(choice, status=status)
            words = wanted.statuses or STATUSES

            expected = [(cell.user_id, cell.server_id) for cell in cells if cell.status in words]

            assert pages(wanted, gather=False) == pages(wanted, gather=True) == expected, wanted


def test_the_order_is_by_e_mail_by_name_and_by_person(made: int) -> None:
    of_all, _, person, server, *_ = ([*all_cells(wanted)] for wanted in choices())

    assert [cell.email for cell in server] == sorted(cell.email for cell in server)
    assert [cell.server for cell in person] == sorted(cell.server for cell in person)
    places = [(cell.user_id, cell.server_id) for cell in of_all]
    assert places == sorted(places)


def test_beyond_the_bound_a_total_says_that_there_are_more(
    made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = count_cells(Choice()).counts
    monkeypatch.setattr(token_totals, "COUNTED_TO", 2)
    for module in (token_totals, token_matrix):
        monkeypatch.setattr(module, "GATHERED_TO", 4)

    totals = count_cells(Choice())
    of_expired = count_cells(Choice(status="expired"))

    assert totals.more == {word for word in HELD if exact[word] > 2} | {"all", "attention"}
    assert all(totals.counts[word] == min(2, exact[word]) for word in HELD)
    assert of_expired.counts["expired"] == 4 < exact["expired"]
    # Walked, because they are too many to be gathered.
    assert pages(Choice(status="on_hold"), gather=True) == pages(Choice(status="on_hold"), gather=False)


def test_work_does_not_grow_with_the_cells(app: Flask) -> None:
    with app.app_context():
        statements: list[str] = []

        @event.listens_for(db.engine, "before_cursor_execute")
        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            statements.append(statement)

        counts = []
        for fill in (lambda: None, make_every_state):
            fill()
            before = len(statements)
            for status in ("", "attention", "on_hold"):
                list_cells(Choice(status=status), count_cells(Choice(status=status)))
            counts.append(len(statements) - before)

    assert counts[0] == counts[1] <= 12


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_state_is_counted_by_a_look_at_every_token(app: Flask) -> None:
    plans: list[str] = []
    with app.app_context():

        @event.listens_for(db.engine, "before_cursor_execute")
        def explain(
            _connection: object, cursor: object, statement: str, parameters: object, *_: object
        ) -> None:
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()  # type: ignore[attr-defined]
            plans.extend(row[3] for row in rows)

        for word in HELD:
            wanted = Choice(status=word)
            list_cells(wanted, count_cells(wanted))
        walked = len([plan for plan in plans if "TEMP B-TREE" in plan])
        list_cells(Choice(status="saved"))

    assert "SCAN mcp_auth_tokens" not in plans
    covering = "SEARCH mcp_auth_tokens USING COVERING INDEX idx_mcp_auth_tokens"
    assert f"{covering}_address (mcp_server_id=? AND bound_url<?)" in plans
    assert f"{covering}_check (last_check_result=? AND expires_at>?)" in plans
    # A walk is in the order of an index, and sorts nothing.
    assert len([plan for plan in plans if "TEMP B-TREE" in plan]) == walked


def test_nothing_asks_the_database_for_a_hint_or_a_sealed_token(made: int) -> None:
    read: list[str] = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        read.append(statement)

    for wanted in choices():
        list_cells(wanted, count_cells(wanted))
    get_cell(*next((cell.user_id, cell.server_id) for cell in all_cells(Choice())))

    assert read
    assert not [
        one for one in read if "token_hint" in one or "token_encrypted" in one or "fingerprint" in one
    ]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Choice(status="stolen"), "status"),
        (Choice(status="none"), "status"),
        (Choice(after="x"), "after"),
        (Choice(after="WyJ4IiwgMV0"), "after"),
        (Choice(person_id=1, after="WzEsIDFd"), "after"),
    ],
)
def test_what_is_no_choice_is_refused(app: Flask, wanted: Choice, field: str) -> None:
    with app.app_context(), pytest.raises(InvalidInputError) as caught:
        list_cells(wanted)

    assert caught.value.field == field


def test_a_cell_that_is_not_there_is_not_there(made: int) -> None:
    for ids in ((999, 1), (1, 999)):
        with pytest.raises(NotThereError):
            get_cell(*ids)
