"""Sentences: every action can be told, and its name is one of the contract's."""

from __future__ import annotations

import pytest
from flask import Flask

from app.models import AuditEvent
from app.services.audit import DETAIL_KEYS, Action
from app.services.oddity_rules import KINDS, RULES
from app.web.sentences import ODDITIES, SENTENCES, sentence

#: Shipped once, kept for ever. Beyond the contract's: `account.email_changed`, `totp.required`,
#: `token.expiry_changed`, `token.reminded`.
PERMANENT = """
token.saved token.replaced token.deleted token.checked token.used token.use_ended token.use_refused
token.rejected token.unreadable token.on_hold token.address_confirmed sign_in.ok sign_in.failed
sign_in.limited sign_out session.ended password.changed password.reset totp.enabled totp.disabled totp.reset
storing.changed notice.dismissed token.renew_asked tokens.loss_accepted account.invited group.changed
account.created account.disabled account.enabled account.deleted role.changed server.created server.changed
server.address_changed server.deleted rotation.started rotation.ended audit.read audit.exported audit.verified
access.refused csrf.refused account.email_changed totp.required token.expiry_changed token.reminded
"""


def test_the_names_of_actions_are_permanent() -> None:
    assert {action.value for action in Action} == set(PERMANENT.split())
    assert DETAIL_KEYS.keys() <= set(Action)


def test_every_action_and_every_oddity_has_a_sentence() -> None:
    told = {name.partition("/")[0] for name in SENTENCES}

    assert {action.value for action in Action} - told == set()
    assert ODDITIES.keys() == set(KINDS)
    assert {action.value for action in Action} >= RULES.keys()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_newer_version_wrote_is_shown_by_its_name(app: Flask) -> None:
    with app.test_request_context():
        event = AuditEvent(action="token.teleported", outcome="%(server)s %s", server_name="%(x)s")
        assert sentence(event) == "token.teleported"
        assert sentence(AuditEvent(action="token.saved", outcome="ok", server_name="%(x)s %s")).endswith(
            "%(x)s %s"
        )
