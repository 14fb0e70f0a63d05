"""Sentences: what each event of the ledger says to a person, in their language."""

from __future__ import annotations

from typing import Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.models import AuditEvent
from app.services.oddities import Oddity

#: Action, or action and outcome → sentence. `%(server)s` is the server's name as it was.
SENTENCES: Final = {
    "token.saved": _l("Token saved for %(server)s"),
    "token.replaced": _l("Token replaced for %(server)s"),
    "token.deleted": _l("Token deleted for %(server)s"),
    "token.deleted/server_deleted": _l("Token for %(server)s deleted, because the server was deleted"),
    "token.used": _l("Token sent to %(server)s"),
    "token.use_ended": _l("Use of the token for %(server)s ended: %(outcome)s"),
    "token.use_refused": _l("Token for %(server)s not sent: %(outcome)s"),
    "token.unreadable": _l("Token for %(server)s found unreadable"),
    "token.checked/accepted": _l("Token for %(server)s checked: accepted"),
    "token.checked/rejected": _l("Token for %(server)s checked: rejected"),
    "token.checked/not_proven": _l("Token for %(server)s checked: not proven"),
    "token.checked/unreachable": _l("Token for %(server)s checked: the server was unreachable"),
    "token.checked": _l("Token for %(server)s checked: %(outcome)s"),
    "token.rejected": _l("Token rejected by %(server)s"),
    "token.on_hold": _l("Token for %(server)s put on hold"),
    "token.address_confirmed": _l("New address of %(server)s confirmed"),
    "token.expiry_changed": _l("Expiry of the token for %(server)s changed"),
    "token.reminded": _l("Reminded of the token for %(server)s"),
    "token.reminded/not_sent": _l("The reminder of the token for %(server)s could not be sent"),
    "token.renew_asked": _l("Asked to renew the token for %(server)s"),
    "token.renew_asked/not_sent": _l("The mail that asks to renew the token for %(server)s was not sent"),
    "storing.changed/on": _l("Storing of tokens turned on"),
    "storing.changed/off": _l("Storing of tokens turned off"),
    "group.changed": _l("Group %(group)s changed"),
    "group.changed/created": _l("Group %(group)s created"),
    "group.changed/renamed": _l("Group %(group)s renamed"),
    "group.changed/deleted": _l("Group %(group)s deleted"),
    "group.changed/member_added": _l("Added to the group %(group)s"),
    "group.changed/member_removed": _l("Removed from the group %(group)s"),
    "group.changed/server_added": _l("Server %(server)s is there for the group %(group)s"),
    "group.changed/server_removed": _l("Server %(server)s is no longer there for the group %(group)s"),
    "tokens.loss_accepted": _l("Lost keys were given up"),
    "sign_in.ok": _l("Signed in"),
    "sign_in.failed": _l("A sign-in failed"),
    "sign_in.limited": _l("Further sign-ins were held up"),
    "sign_out": _l("Signed out"),
    "session.ended": _l("Signed out from elsewhere"),
    "password.changed": _l("Password changed"),
    "password.reset": _l("Password set by a one-time link"),
    "password.reset/link_made": _l("A one-time link for a new password was made"),
    "totp.enabled": _l("Second factor turned on"),
    "totp.enabled/codes_renewed": _l("New recovery codes made"),
    "totp.disabled": _l("Second factor turned off"),
    "totp.reset": _l("Second factor reset"),
    "totp.required/on": _l("Second factor required"),
    "totp.required/off": _l("Second factor no longer required"),
    "account.invited": _l("Invited"),
    "account.invited/renewed": _l("Invited again, by a new link"),
    "account.created": _l("Account created"),
    "account.email_changed": _l("Email address changed"),
    "account.disabled": _l("Account disabled"),
    "account.enabled": _l("Account enabled"),
    "account.deleted": _l("Account deleted"),
    "role.changed/user": _l("Role changed to user"),
    "role.changed/auditor": _l("Role changed to auditor"),
    "role.changed/admin": _l("Role changed to admin"),
    "server.created": _l("Server %(server)s added"),
    "server.changed": _l("Server %(server)s changed"),
    "server.changed/for_everyone": _l("Server %(server)s is there for everyone"),
    "server.changed/for_groups": _l("Server %(server)s is there for some groups"),
    "server.changed/for_nobody": _l("Server %(server)s is there for nobody"),
    "server.changed/enabled": _l("Server %(server)s enabled"),
    "server.changed/disabled": _l("Server %(server)s disabled"),
    "server.address_changed": _l("Address of %(server)s changed"),
    "server.deleted": _l("Server %(server)s deleted"),
    "rotation.started": _l("Rotation started"),
    "rotation.ended": _l("Rotation ended"),
    "audit.read": _l("Audit log read"),
    "audit.exported": _l("Audit log exported as %(outcome)s"),
    "audit.verified": _l("Audit log verified: nothing was rewritten"),
    "audit.verified/fault": _l("Audit log verified: it was rewritten"),
    "access.refused": _l("A page was asked for that is not for them"),
    "csrf.refused": _l("A form was refused that no page of ours had sent"),
    "notice.dismissed": _l("A notice was dismissed"),
}
#: What `%(outcome)s` says, where it is not a word of its own.
OUTCOMES: Final = {
    "ok": _l("it was answered"),
    "error": _l("the tool reported an error"),
    "failed": _l("something went wrong on our side"),
    "rejected": _l("the server rejected the token"),
    "upstream_error": _l("the server could not be used"),
    "upstream_refused": _l("the server refused the request"),
    "upstream_timeout": _l("the server did not answer in time"),
    "token_unreadable": _l("it cannot be read"),
    "server_changed": _l("it is on hold"),
    "token_expired": _l("it has expired"),
    "token_rejected": _l("the server rejected it before"),
}
KINDS: Final = {
    "token": _l("Tokens"),
    "sign_in": _l("Signing in"),
    "session": _l("Sessions"),
    "password": _l("Passwords"),
    "totp": _l("Second factor"),
    "account": _l("Account"),
    "group": _l("Groups"),
    "server": _l("Servers"),
    "rotation": _l("Rotation"),
    "audit": _l("Audit log"),
}


#: What is odd, in words (`app.services.oddities`).
ODDITIES: Final = {
    "new_agent": _l("Somebody signed in with %(agent)s, which was not used for this account before."),
    "new_address": _l("Somebody signed in from %(address)s, where nobody did for this account before."),
    "failed_sign_ins": _l("Many sign-ins to this account failed within a day, the last from %(address)s."),
    "used_after_rest": _l("The token for %(server)s was used after 90 days of rest."),
    "burst_of_uses": _l("Tokens were used 100 times within an hour, the last time for %(server)s."),
    "used_after_address_change": _l("A token was sent to %(server)s right after its address changed."),
    "unreadable": _l("The token for %(server)s cannot be read any more: damage, or a moved row."),
}


def agent_in_words(agent: str) -> str:
    """Return a program's family (`app.web.current.agent_family`) as the reader's language writes it."""
    browser, between, system = agent.partition(" on ")
    if browser == "Other":
        browser = gettext("Other program")
    return str(gettext("%(browser)s on %(system)s", browser=browser, system=system) if between else browser)


def odd_sentence(oddity: Oddity) -> str:
    """Return what is odd, in words."""
    values = {
        "server": oddity.server_name or "—",
        "agent": agent_in_words(oddity.agent) or "—",
        "address": oddity.client_address or "—",
    }
    return str(ODDITIES[oddity.kind]) % values


def outcome_word(outcome: str) -> str:
    """Return how something ended, in words; the bare word for one that a newer version wrote."""
    return str(OUTCOMES.get(outcome, outcome))


def sentence(event: AuditEvent) -> str:
    """Return the event in words; its bare name for one that a newer version wrote."""
    text = SENTENCES.get(f"{event.action}/{event.outcome}", SENTENCES.get(event.action))
    if text is None:
        return event.action
    group = (event.details or {}).get("group_name") or "—"
    outcome = outcome_word(event.outcome)
    return str(text) % {"server": event.server_name or "—", "outcome": outcome, "group": group}
