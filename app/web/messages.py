"""Messages: what each error says to a person, in their language. No text holds a value they typed."""

from __future__ import annotations

from typing import Any, Final

from flask import url_for
from flask_babel import lazy_gettext as _l

from app import errors
from app.words import server_fields, upstream

REASONS: Final = {
    "email_invalid": _l("This is not an email address."),
    "email_taken": _l("There is an account with this email address already. Sign in instead."),
    "has_account": _l("This person has an account already."),
    "is_disabled": _l("This person has an account, which is disabled. Enable it instead."),
    "password_short": _l("Use at least 12 characters."),
    "password_long": _l("Use at most 128 characters."),
    "password_common": _l("This password is among the first that anybody would try. Take another one."),
    "password_wrong": _l("This is not your password."),
    "password_same": _l("This is the password you have. Take another one."),
    "no_account": _l("There is no account with this email address."),
    "group_name_empty": _l("Give the group a name."),
    "group_name_long": _l("A group's name has at most 100 characters."),
    "group_name_taken": _l("There is a group of this name already."),
    "unknown_group": _l("One of these groups is not there any more."),
    "everyone_or_groups": _l("For everyone or for groups: name no group beside everyone."),
    "ids": _l("Write a list of ids."),
    "totp_on": _l("Your second factor is on already."),
    "totp_required": _l("Your account must have a second factor, so it cannot be turned off."),
    "code_wrong": _l("This code is wrong, or was used already. Take the next one your app shows."),
    "empty": _l("Paste the token; this is empty."),
    "mask": _l("This is a mask, not the token. Paste the token as you got it."),
    "placeholder": _l("This is a placeholder. Put the real token in its place."),
    "too_short": _l("A token has at least 8 characters."),
    "too_long": _l("A token has at most 4,096 characters."),
    "line_break": _l("There is a line break inside. A token is one line: copy it again, without the break."),
    "space": _l("There is a space inside. A token has none: copy it again."),
    "several": _l("There is more than one token in this. Paste the one for this server alone."),
    "address_changed": _l(
        "The server's address changed meanwhile, so nothing was sent. Look at the new one, and repeat."
    ),
    "characters": _l("A token has no spaces, line breaks or letters outside ASCII. Copy it again."),
    "past": _l("This date is in the past."),
    "date": _l("Write a date as YYYY-MM-DD."),
    "unknown": _l("This is not one of the choices."),
    "arguments_json": _l("This is not a JSON object."),
    "number": _l("Write a number."),
    "integer": _l("Write a whole number."),
    "count": _l("Write a whole number, 0 or more."),
    "json": _l("This is not JSON."),
    "unknown_tool": _l("The server has no tool of this name."),
    "required": _l("This is needed."),
    "text": _l("This must be text."),
    "empty_text": _l("This must not be empty."),
    "control": _l("This holds a character that no text has."),
    "flag": _l("This must be true or false."),
    "object": _l("This must be a JSON object."),
    "date_time": _l("Write a date and time with its offset, such as 2030-01-31T12:00:00Z."),
    "limit": _l("Write a number from 1 to 100."),
    "person_or_server": _l("Choose a person or a server first: this is true of very many."),
    "unknown_field": _l("There is a field that is not known here."),
}
CODES: Final = {
    "foreign_token": _l(
        "This looks like another service's or another server's token, so nothing was sent and nothing was "
        "saved."
    ),
    "not_found": _l("There is no such page, or it is not yours."),
    "sign_in_failed": _l("Email or password is wrong."),
    "code_required": _l("This account wants a code as well: from its authenticator app, or a recovery code."),
    "second_factor_missing": _l(
        "An admin requires a second factor of this account. Set one up under Settings, Account."
    ),
    "own_second_factor": _l("This is your own second factor. Another admin can do this for you."),
    "last_admin": _l("Nobody else administers this installation. Make somebody else an admin first."),
    "wrong_state": _l("The account is in a state in which this cannot be done."),
    "ledger_closed": _l(
        "What you did could not be recorded, so it was not done. Nothing was changed; try again in a moment."
    ),
    "busy": _l(
        "Too many calls are waiting for servers right now, so nothing was sent. Try again in a moment."
    ),
    "token_required": _l("This server wants a token, and you have saved none."),
    "token_expired": _l("Your saved token is past its date, so it was not sent. Replace it."),
    "token_rejected": _l(
        "The server rejected your saved token, so it is not sent. Replace it, or check it again."
    ),
    "token_rejected_not_saved": _l(
        "The server rejected this token (401), so it was not saved; what was saved before is still there. "
        "Copy the token again. To save it nevertheless, paste it again and take the tick off the check."
    ),
    "token_rejected_unsaved": _l(
        "The server rejected this token (401), so nothing was saved; a token that was saved before is still "
        "there. Send another one, or leave check out to save this one all the same."
    ),
    "token_rejected_typed": _l(
        "The token you typed was rejected by the server. What you have saved was not touched."
    ),
    "token_unreadable": _l("Your saved token cannot be read any more. Replace or delete it."),
    "server_changed": _l(
        "Your saved token is on hold, because it was not saved for this address. Review the address."
    ),
    "storage_off": _l("Tokens are not stored here. Type the token for each call in the playground."),
    "tokens_would_be_held": _l(
        "Another address puts the tokens saved for this server on hold. Say that it may."
    ),
    "tokens_would_be_unavailable": _l(
        "This takes a server away from people who hold a token for it. Say that it may."
    ),
    "tokens_would_be_deleted": _l(
        "Deleting this server deletes everyone's token for it. Say how many tokens that may be."
    ),
    "changed_meanwhile": _l(
        "Somebody else changed this meanwhile, so nothing was changed. Look at it again."
    ),
    "token_changed_meanwhile": _l(
        "While this token was being checked, another one was saved here, or the one there was deleted. So it "
        "was not saved; what is here now stays."
    ),
    "renewal_not_possible": _l("They could not save a new token, so they were not asked."),
    "key_not_loaded": _l(
        "The encryption key is not loaded, so tokens cannot be used now. Nothing was changed; an "
        "admin has to act."
    ),
    "rotation_running": _l("Another rotation is at work. Wait for it to end."),
    "upstream_error": _l("The server could not be reached or did not answer as an MCP server."),
    "upstream_timeout": _l(
        "The server did not answer in time. What it was asked may still be done there: look before you "
        "repeat."
    ),
    "upstream_refused": _l("The server refused the request."),
    "mail_failed": _l("The mail could not be sent. An admin has to look at the mail server."),
    "malformed": _l("The request could not be understood. Nothing was changed."),
    "secret_in_url": _l(
        "A secret was in the address of this page, where logs keep it. Treat it as exposed, "
        "and send it in a form or a JSON body."
    ),
    "not_signed_in": _l("You are not signed in."),
    "https_required": _l(
        "Use https:// here. A token, password or cookie that was sent with this request was readable on its "
        "way and is now exposed: replace it."
    ),
    "forbidden": _l("This is not allowed. Nothing was changed."),
    "method_not_allowed": _l("This address does not take such a request. Nothing was changed."),
    "not_acceptable": _l("This address has nothing in the format that was asked for."),
    "length_required": _l("The request does not say how long it is."),
    "too_large": _l("The request is too large. Nothing was changed."),
    "catalogue_too_large": _l(
        "A catalogue has at most 8 MB here. Take it in parts, or import it with flask servers import."
    ),
    "unsupported_media_type": _l(
        "Send the body as this address takes it: application/json for the API, a form for a page."
    ),
    "invalid": _l("A field has a value that cannot be taken."),
    "csrf_failed": _l(
        "This form was not sent from a page of ours, or the page is too old, so nothing was changed. Open "
        "the page again and repeat."
    ),
    "csrf_header_missing": _l(
        "Send the csrf_token of GET /api/session as X-CSRFToken, from a page or program of this site."
    ),
    "too_many_requests": _l("Too many requests, so this one was not done. Wait a moment, and repeat."),
    "internal": _l("Something went wrong on our side. Nothing was lost; try again."),
    "unavailable": _l("The database does not answer right now. Nothing was changed; try again in a moment."),
}
FOREIGN: Final = {
    "foreign": _l(
        "This looks like a token of %(service)s, so nothing was sent and nothing was saved. "
        "If this server may have it, tick the box beside it and send it again."
    ),
    "elsewhere": _l(
        "This was configured for %(service)s and not for this server's address, so nothing was sent and "
        "nothing was saved. If this server may have it, tick the box beside it and send it again."
    ),
}
#: Instead of `CODES`, to somebody whose tokens are not stored: they can save none and replace none.
UNSTORED: Final = {
    "token_required": _l("This server wants a token, and none of yours is stored. Type one."),
    "token_expired": _l(
        "The token that is stored is past its date, so it was not sent. Delete it, and type one for each "
        "call."
    ),
    "token_rejected": _l(
        "The server rejected the token that is stored, so it is not sent. Delete it, and type one for each "
        "call."
    ),
    "token_unreadable": _l(
        "The token that is stored cannot be read any more. Delete it, and type one for each call."
    ),
    "server_changed": _l(
        "The token that is stored is on hold, because it was not saved for this address. Delete it, and type "
        "one for each call."
    ),
}
STORAGE_OFF: Final = {
    "installation": _l(
        "This installation stores no tokens (TOKEN_STORAGE=off). Type yours for each call in the playground."
    ),
    "person": _l(
        "You chose never to store your tokens. Type the token for each call in the playground, or change "
        "your choice under Settings, Account."
    ),
}
#: Reasons of a RenewalNotPossibleError.
RENEWAL: Final = {
    "person_disabled": _l("This account is disabled, so nobody was asked. You can delete the token."),
    "server_disabled": _l(
        "This server is disabled, so no new token can be saved for it, and nobody was asked. You can delete "
        "the token."
    ),
    "server_unavailable": _l(
        "This server is not available to them, so they could save no new token, and were not asked. You can "
        "delete the token."
    ),
    "storage_off": _l(
        "No new token of theirs would be stored, so they were not asked. You can delete the token."
    ),
}
#: State of an account → why something cannot be done to it.
WRONG_STATE: Final = {
    "invited": _l("This person has not accepted their invitation yet."),
    "active": _l("This person has accepted their invitation already."),
    "disabled": _l("This account is disabled. Enable it first."),
}
#: Code of an error → its reasons in words.
BY_REASON: Final = {"storage_off": STORAGE_OFF, "wrong_state": WRONG_STATE, "renewal_not_possible": RENEWAL}

#: Attributes of errors that a program can act on as they are.
FACTS: Final = (
    "token_source",
    "reason",
    "retry_after",
    "held_tokens",
    "unavailable_tokens",
    "deleted_tokens",
)


def of_reason(reason: str) -> str:
    """Return the sentence for a field's `reason`."""
    return str(REASONS.get(reason, CODES["invalid"]))


def of_field(field: str, reason: str) -> str:
    """Return the sentence for a reason in the words of its field, where it has some of its own."""
    sentence = server_fields.REFUSED.get((field, reason))
    return of_reason(reason) if sentence is None else str(sentence)


def of_code(code: str) -> str:
    """Return the sentence for a public error code."""
    return str(CODES.get(code, CODES["malformed"]))


def of_error(error: errors.MarketError, not_stored: str | None = None) -> str:
    """Return the sentence for a domain error; `not_stored`: who turned storing off, where it is off."""
    if isinstance(error, errors.ForeignTokenError):
        return str(FOREIGN[error.reason]) % {"service": error.service}
    if isinstance(error, errors.InvalidInputError):
        return of_field(error.field, error.reason)
    if isinstance(error, errors.UpstreamError):
        return str(upstream.REASONS.get(error.reason, CODES["upstream_error"]))
    if isinstance(error, errors.StorageOffError | errors.WrongStateError | errors.RenewalNotPossibleError):
        return str(BY_REASON[error.code][error.reason])
    code = error.code
    if isinstance(error, errors.TokenRejectedError) and error.token_source == "request":
        code = "token_rejected_unsaved" if error.was_to_be_saved else "token_rejected_typed"
    return str(UNSTORED[code]) if not_stored and code in UNSTORED else of_code(code)


def facts_of_reasons(reasons: dict[str, str]) -> dict[str, Any]:
    """Return the sentence for each field and, as `reason`, the first field's word."""
    sentences = {field: [of_field(field, reason)] for field, reason in reasons.items()}
    return {"errors": sentences, "reason": next(iter(reasons.values()))}


def facts_of(error: errors.MarketError, not_stored: str | None = None) -> dict[str, Any]:
    """Return what a program can act on: the field, the source of the token, where to set one up.

    Where tokens are not stored, a person sets none up but types one in the playground.
    """
    if isinstance(error, errors.InvalidInputError):
        facts = facts_of_reasons({error.field: error.reason})
        if isinstance(error, errors.ForeignTokenError):
            facts |= {"errors": {error.field: [of_error(error)]}, "service": error.service}
        return facts
    if isinstance(error, errors.TokenRequiredError):
        page = "playground.server" if not_stored else "settings.token"
        return {"setup_url": url_for(page, server_id=error.server_id)}
    return {name: getattr(error, name) for name in FACTS if hasattr(error, name)}
