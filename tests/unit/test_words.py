"""Words: every state and every reason has its sentence and its remedy, and no other has one."""

from __future__ import annotations

import ast
import re
from itertools import product
from types import SimpleNamespace

import pytest
from flask import Flask

from app.cli import held_tokens
from app.mcp import checks as mcp_checks
from app.mcp import conversation, transport, trial
from app.mcp.refusals import REFUSALS
from app.mcp.token_headers import RESERVED_HEADERS
from app.models.token import CHECK_RESULTS
from app.services import renewals, server_fields, token_status
from app.web import messages
from app.words import checks, trials
from app.words import server_fields as words
from app.words.token_states import REMEDIES, STATES, help_of, remedy_of
from tests.checkout import ROOT

#: Advice that nobody can follow whose tokens are not stored.
CANNOT_BE_DONE = re.compile(r"\b(replace|save|review|confirm|you have saved none)\b", re.IGNORECASE)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_status_has_a_word_a_shape_a_help_text_and_a_remedy(app: Flask) -> None:
    with app.test_request_context():
        assert tuple(STATES) == token_status.STATUSES
        assert len({str(state.word) for state in STATES.values()}) == len(STATES)
        for status, state in STATES.items():
            assert str(state.fact).endswith(".")
            assert not CANNOT_BE_DONE.search(str(state.fact))
            assert state.remedy in REMEDIES
            # Only what is accepted needs nothing done.
            assert bool(state.remedy) == (status != token_status.ACCEPTED)
        # A shape of its own beside the colour, but for the states that one act mends.
        by_shape = {state.shape for state in STATES.values()}
        assert by_shape == {"dashed", "octagon", "pause", "clock", "check", "dot"}


def test_every_answer_and_every_reason_of_a_check_has_a_sentence() -> None:
    """The reasons stand in the source of those who give them: a new one must get its words."""
    given = {"probe_open", "proved", "probe", "refused", "timeout", *conversation.REASONS.values()}
    for module in (mcp_checks, conversation, transport):
        tree = ast.parse((ROOT / f"{module.__name__.replace('.', '/')}.py").read_text())
        for node in ast.walk(tree):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called in {"UpstreamError", "Verdict"} and isinstance(node, ast.Call):
                given |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    given -= {"rejected", "accepted", "not_proven", "unreachable"}
    given |= {
        "unreachable",
        "open",
        "no_comparison",
        "insufficient_scope",
        "server_error",
        "not_mcp",
        "too_large",
    }

    assert given == set(checks.REASONS)
    assert set(checks.RESULTS) == set(CHECK_RESULTS) == set(mcp_checks.RESULTS)


def test_every_outcome_and_every_reason_of_a_trial_has_a_sentence() -> None:
    """A trial ends as a check does, but where a token would have been refused: then it says at which step."""
    given = set(checks.REASONS) - {
        *("proved", "probe", "refused", "probe_failed", "no_comparison", "insufficient_scope"),
        *("probe_echo", "probe_changes"),
    }
    given |= set(trial.STEPS)

    assert given == set(trials.REASONS)
    assert set(trials.OUTCOMES) == set(trial.OUTCOMES)
    assert set(trials.ERAS) == set(trial.ERAS)
    assert set(trials.TRANSPORTS) == set(server_fields.TRANSPORTS)


def test_every_header_that_is_refused_has_its_reason_in_both_vocabularies() -> None:
    wanted = {("auth_header_name", reason) for reason in (*RESERVED_HEADERS, "reserved_logged")}
    wanted |= {("extra_headers", reason) for reason in RESERVED_HEADERS}

    for vocabulary in (words.REFUSED, REFUSALS):
        told = {(field, reason) for field, reason in vocabulary if reason.startswith("reserved")}
        assert told == wanted


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_help_says_what_is_known_besides_the_status(app: Flask) -> None:
    def told(**facts: object) -> str:
        row = {"token_required": True, "bound_url": "https://x.example/", "last_check_reason": None}
        return str(help_of(SimpleNamespace(is_available=True, **row | facts)))

    with app.test_request_context():
        assert "may not need one" in told(status="none", token_required=False)
        assert "another service" in told(status="on_hold", bound_url="")
        assert "address changed" in told(status="on_hold")
        assert "Not checked" in told(status="saved")
        assert "too little scope" in told(status="saved", last_check_reason="insufficient_scope")
        assert "probe tool worked" in told(status="accepted", last_check_reason="probe")
        assert "not sent again" in told(status="rejected", last_check_reason="refused")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_where_tokens_are_not_stored_every_state_has_a_help_text_and_a_remedy_that_can_be_followed(
    app: Flask,
) -> None:
    with app.test_request_context():
        for name in STATES:
            for bound, required, reason in product(
                ("", "https://x.example/"), (True, False), (None, "probe")
            ):
                row = SimpleNamespace(
                    status=name,
                    bound_url=bound,
                    token_required=required,
                    last_check_reason=reason,
                    is_available=True,
                )
                for who in ("installation", "person"):
                    told = help_of(row, who)
                    assert not CANNOT_BE_DONE.findall(told), told
                    assert "for each call in the playground." in told
                    assert remedy_of(row, who) == ("type" if name == token_status.NONE else "delete")


def test_what_cannot_be_done_without_storing_is_said_in_other_words_there() -> None:
    codes = {code for code, text in messages.CODES.items() if CANNOT_BE_DONE.search(str(text))}

    # Those that only a save meets, that speak of what was lost before it came here, or that admins are told.
    others = {"token_rejected_not_saved", "token_rejected_unsaved", "https_required", "renewal_not_possible"}
    assert codes - others <= set(messages.UNSTORED)
    assert not [text for text in messages.UNSTORED.values() if CANNOT_BE_DONE.search(str(text))]
    # Said of a typed token as well, which is not there to be replaced.
    assert not [text for text in checks.REASONS.values() if CANNOT_BE_DONE.search(str(text))]


def test_every_reason_for_which_nobody_is_asked_to_renew_has_its_words_on_pages_and_in_commands() -> None:
    assert set(messages.RENEWAL) == set(held_tokens.NOT_POSSIBLE) == set(renewals.REASONS)
