"""Domain errors: one class for each outcome that a caller can act on.

`code` is the public name in the API's problem documents. No error carries a value that a person
typed, and none quotes another library's text. HTTP statuses are given in `app.web.problems`.
"""

from __future__ import annotations

from typing import ClassVar


class MarketError(Exception):
    """Base of every error that a caller can act on."""

    code: ClassVar[str]


class NotThereError(MarketError):
    """It does not exist, or is not yours: nobody is told which."""

    code = "not_found"


class InvalidInputError(MarketError):
    """A field has a value that cannot be taken. `reason` is a word that pages translate."""

    code = "invalid"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ForeignTokenError(InvalidInputError):
    """The token looks like another's, and nobody said that this server may have it.

    `reason`: `foreign`, by its prefix, of the service that `service` names; or `elsewhere`, by the paste
    around it, kept for the server at the host that `service` names.
    """

    code = "foreign_token"

    def __init__(self, field: str, service: str, reason: str = "foreign") -> None:
        super().__init__(field, reason)
        self.service = service


class StorageOffError(MarketError):
    """Tokens are not stored. `reason`: `installation`, or `person` for somebody's own choice."""

    code = "storage_off"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokensWouldBeHeldError(MarketError):
    """The new address would put the tokens of `held_tokens` people on hold; nobody said yet that it may."""

    code = "tokens_would_be_held"

    def __init__(self, held_tokens: int) -> None:
        super().__init__("tokens would be held")
        self.held_tokens = held_tokens


class TokensWouldBeUnavailableError(MarketError):
    """It would take the server away from people who hold a token for it; nobody said yet that it may.

    `unavailable_tokens`: from how many.
    """

    code = "tokens_would_be_unavailable"

    def __init__(self, unavailable_tokens: int) -> None:
        super().__init__("tokens would be unavailable")
        self.unavailable_tokens = unavailable_tokens


class TokensWouldBeDeletedError(MarketError):
    """Deleting the server deletes the tokens of `deleted_tokens` people; nobody said yet that it may."""

    code = "tokens_would_be_deleted"

    def __init__(self, deleted_tokens: int) -> None:
        super().__init__("tokens would be deleted")
        self.deleted_tokens = deleted_tokens


class ChangedMeanwhileError(MarketError):
    """Somebody else changed it after it was looked at; nothing was changed over it."""

    code = "changed_meanwhile"


class SignedOutError(MarketError):
    """The session has ended, or the account was disabled, while this was under way; nothing was changed."""

    code = "not_signed_in"


class RenewalNotPossibleError(MarketError):
    """The owner of the token could not save a new one, so asking for it would be no help.

    `reason`: one of `app.services.renewals.REASONS`.
    """

    code = "renewal_not_possible"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignInFailedError(MarketError):
    """Unknown, disabled or wrong password: nobody is told which."""

    code = "sign_in_failed"


class TooManyAttemptsError(MarketError):
    """The next attempt has to wait. `retry_after`: seconds, from 1 to 30."""

    code = "too_many_requests"

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many attempts")
        self.retry_after = retry_after


class SecondFactorRequiredError(MarketError):
    """The password was right, and this account wants a code as well."""

    code = "code_required"


class SecondFactorMissingError(MarketError):
    """This account may do nothing before it has a second factor."""

    code = "second_factor_missing"


class LastAdminError(MarketError):
    """Nobody would be left who administers the installation."""

    code = "last_admin"


class OwnSecondFactorError(MarketError):
    """Nobody lifts, by an admin's right, what asks for their own second factor."""

    code = "own_second_factor"


class WrongStateError(MarketError):
    """The person is in a state in which this cannot be done. `reason`: one of `app.models.user.STATES`."""

    code = "wrong_state"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LedgerClosedError(MarketError):
    """The event could not be written, so what it records did not happen."""

    code = "ledger_closed"


class BusyError(MarketError):
    """As many calls as may wait for remote servers are waiting."""

    code = "busy"


class TokenRequiredError(MarketError):
    """The server wants a token and there is none to send."""

    code = "token_required"

    def __init__(self, server_id: int) -> None:
        super().__init__("a token is required")
        self.server_id = server_id


class TokenExpiredError(MarketError):
    """The saved token is past the date its owner gave; it was not sent."""

    code = "token_expired"


class TokenRejectedError(MarketError):
    """The server refused the token. `token_source` is `request` or `saved`.

    `was_to_be_saved`: it was given to be saved, and was not.
    """

    code = "token_rejected"

    def __init__(self, token_source: str, *, was_to_be_saved: bool = False) -> None:
        super().__init__("the server rejected the token")
        self.token_source = token_source
        self.was_to_be_saved = was_to_be_saved


class TokenUnreadableError(MarketError):
    """The row cannot be unsealed: damage, a moved row, a lost key. One error for all of them."""

    code = "token_unreadable"


class ServerChangedError(MarketError):
    """The server's address is not the one the token was saved for; it was not sent."""

    code = "server_changed"


class KeyNotLoadedError(MarketError):
    """The key is not loaded in this process: nothing is sealed, unsealed or marked."""

    code = "key_not_loaded"


class RotationRunningError(MarketError):
    """Another rotation of this installation is at work."""

    code = "rotation_running"


class UpstreamError(MarketError):
    """The MCP server could not be reached, or did not answer as one. `reason` is a word of ours.

    `status`: the HTTP status that says so, None when none does.
    """

    code = "upstream_error"

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class UpstreamTimeoutError(MarketError):
    """The MCP server did not answer in time."""

    code = "upstream_timeout"


class UpstreamRefusedError(MarketError):
    """The MCP server answered 401. Services turn it into what it means for the token sent."""

    code = "upstream_refused"


class MailError(MarketError):
    """A mail was not sent. `reason` is a word of ours: the mail server's own text may quote a password."""

    code = "mail_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
