"""Databases that come back without anybody ending our connections: the app must notice by itself."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.faults.outages import alter, end_connections, engine_of, sqlite_file
from tests.faults.people import Person, assert_unavailable


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_was_away_is_used_again_and_no_empty_one_takes_its_place(app: Flask, ann: Person) -> None:
    path = sqlite_file(app)
    aside = path.with_name("aside")
    # The folder stays, as an empty mount point does.
    engine_of(app).dispose()
    path.rename(aside)
    assert_unavailable(ann.client.get("/settings/tokens"))
    assert_unavailable(ann.save())
    made_up = path.exists()

    aside.rename(path)

    assert ann.client.get("/settings/tokens").status_code == 200
    assert ann.save().status_code == 200
    assert not made_up


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_takes_writes_again_is_written_to_on_connections_from_before(
    app: Flask, ann: Person
) -> None:
    # As hosts do it when storage runs low, and when it was extended.
    alter(app, "SET default_transaction_read_only = on")
    end_connections(app)
    try:
        assert_unavailable(ann.save())
        assert ann.client.get("/settings/tokens").status_code == 200
    finally:
        alter(app, "RESET default_transaction_read_only")

    # One more may be refused, on a connection that still believes in the old rule.
    assert 200 in {ann.save().status_code for _ in range(2)}
