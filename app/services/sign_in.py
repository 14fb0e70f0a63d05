"""Sign-in: by password, slowed down for guessers; and the password asked for again before great changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

from app import metrics
from app.crypto.passwords import hash_password, needs_rehash, verify_password
from app.errors import InvalidInputError, SignInFailedError, TooManyAttemptsError
from app.extensions import db
from app.models import User
from app.services import failure_counts, known_browsers
from app.services.accounts import find_user
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.emails import normalise_email
from app.services.failure_counts import FREE_FAILURES, key_of
from app.services.password_rules import MAX_PASSWORD_CHARS

#: Of one client address, over all accounts: an office behind one address has more people than one.
FREE_FAILURES_OF_ADDRESS: Final = 30
#: Of one browser in which the person has signed in before: theirs alone, so they may mistype.
FREE_FAILURES_OF_KNOWN_BROWSER: Final = 20


class Counted(NamedTuple):
    """What an attempt counts against."""

    key: str
    #: Failures in a row that cost nothing.
    free: int
    #: Whether a success wipes the slate clean.
    is_forgiving: bool = True


@dataclass(frozen=True)
class Visitor:
    """Who knocks, and from where. `browser_id` None: a browser or program that has no cookie of ours."""

    actor: Actor
    browser_id: str | None = None
    #: False: failures hold nobody up (outside production only).
    is_counted: bool = True

    def __repr__(self) -> str:
        """Show no id."""
        return f"Visitor({self.actor!r})"


def authenticate(email: str, password: str, visitor: Visitor) -> User:
    """Return the active person with this address and password. Commits.

    Takes the same time whether the person is unknown, disabled or typed another password.
    Raises SignInFailedError, the same for all three, and TooManyAttemptsError after five of them.
    """
    user = find_user(email)
    counted = _counted(email, user, visitor)
    for place, one in enumerate(counted):
        _hold_up(one, user, visitor, before=counted[:place])
    db.session.commit()
    matches = verify_password(user.password_hash if user else None, password[: MAX_PASSWORD_CHARS + 1])
    if user is None or not matches or not user.is_active:
        if user is not None:
            record(Action.SIGN_IN_FAILED, visitor.actor, outcome="refused", subject_user_id=user.id)
        else:
            # One more write for everyone: recording must not tell who has an account.
            failure_counts.touch(counted[-1].key if counted else "")
        db.session.commit()
        metrics.count_failed_sign_in("password")
        raise SignInFailedError
    for one in counted:
        # A guesser with an account of their own would wipe the slate of their address clean with it.
        (failure_counts.forget if one.is_forgiving else failure_counts.take_back)(one.key)
    if needs_rehash(user.password_hash):
        user.password_hash = hash_password(password)
    db.session.commit()
    return user


def confirm_password(user: User, password: str, visitor: Visitor, *, field: str = "password") -> None:
    """Return when the person has typed their password again. Commits.

    Counted for this session alone: whoever found it open cannot guess on, nor lock its owner out elsewhere.
    Raises InvalidInputError(field, `password_wrong`) and TooManyAttemptsError.
    """
    counted = Counted(key_of("session", user.get_id()), FREE_FAILURES)
    if visitor.is_counted:
        _hold_up(counted, user, visitor)
        db.session.commit()
    if not verify_password(user.password_hash, password[: MAX_PASSWORD_CHARS + 1]):
        record(Action.SIGN_IN_FAILED, visitor.actor, outcome="refused", subject_user_id=user.id)
        db.session.commit()
        metrics.count_failed_sign_in("confirmation")
        raise InvalidInputError(field, "password_wrong")
    failure_counts.forget(counted.key)
    db.session.commit()


def hold_up_codes(user: User, visitor: Visitor) -> str:
    """Count an attempt at the second factor; return what it is counted under. Commits.

    Raises TooManyAttemptsError.
    """
    known = known_browsers.is_known(user.id, visitor.browser_id)
    counted = Counted(key_of("code", user.id, (known and visitor.browser_id) or ""), FREE_FAILURES)
    if visitor.is_counted:
        _hold_up(counted, user, visitor)
        db.session.commit()
    return counted.key


def _counted(email: str, user: User | None, visitor: Visitor) -> list[Counted]:
    """Return what this attempt counts against."""
    if not visitor.is_counted:
        return []
    if user is not None and known_browsers.is_known(user.id, visitor.browser_id):
        own = key_of("browser", user.id, visitor.browser_id or "")
        return [Counted(own, FREE_FAILURES_OF_KNOWN_BROWSER)]
    address = key_of("address", network_of(visitor.actor.client_address))
    return [
        Counted(address, FREE_FAILURES_OF_ADDRESS, is_forgiving=False),
        Counted(key_of("account", _spelling(email)), FREE_FAILURES),
    ]


def _hold_up(counted: Counted, user: User | None, visitor: Visitor, before: Sequence[Counted] = ()) -> None:
    """Count, and raise TooManyAttemptsError where this attempt has to wait; recorded once a row of failures.

    `before`: what it was counted under already, and is not to be when no password is compared.
    """
    hold = failure_counts.admit(counted.key, counted.free)
    if hold is None:
        return
    for one in before:
        failure_counts.take_back(one.key)
    if hold.is_first and user is not None:
        record(Action.SIGN_IN_LIMITED, visitor.actor, outcome="refused", subject_user_id=user.id)
    db.session.commit()
    metrics.count_failed_sign_in("held_up")
    raise TooManyAttemptsError(hold.seconds)


def _spelling(email: str) -> str:
    """Return one spelling for every way to write an address, for those too that are none."""
    try:
        return normalise_email(email)
    except InvalidInputError:
        return email.strip().casefold()


def network_of(client_address: str) -> str:
    """Return the address, or of IPv6 its /64, which one subscriber has as a whole."""
    try:
        address = ip_address(client_address)
    except ValueError:
        return client_address
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)
