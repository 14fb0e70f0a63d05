"""TOTP: one-time codes of an authenticator app (RFC 6238), and recovery codes for when it is gone.

The database holds no secret of an app: it is derived from a sealed subkey, the person and a nonce, so a
thief of the database makes no codes, and rotation of the encryption secret leaves the apps alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import pyotp
from sqlalchemy import delete, func, insert, select, update

from app import clock
from app.errors import InvalidInputError, NotThereError, OwnSecondFactorError
from app.extensions import db
from app.models import RecoveryCode, TotpEnrolment, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.keys import Keys
from app.services.own_acts import confirm_own_act
from app.services.rights import keep_right
from app.services.rows_changed import rows_changed
from app.services.sign_in import Visitor
from app.services.subkeys import existing_subkey, subkey

PURPOSE: Final = "totp"
ISSUER: Final = "MCP Market"
STEP_SECONDS: Final = 30
#: Steps before and after the present one whose codes are taken: clocks differ (RFC 6238, 5.2).
DRIFT_STEPS: Final = 1
SECRET_BYTES: Final = 20
#: A secret that no code has confirmed by then is not shown any more.
PENDING_LASTS: Final = timedelta(hours=1)
RECOVERY_CODES: Final = 10
RECOVERY_CODE_BYTES: Final = 10


@dataclass(frozen=True)
class SecondFactor:
    """What a person has. `since` None: none, or an enrolment that was not confirmed yet."""

    since: datetime | None
    is_pending: bool
    recovery_codes_left: int


@dataclass(frozen=True)
class AppSecret:
    """What an authenticator app is given. Never printed."""

    uri: str = field(repr=False)
    text: str = field(repr=False)


def second_factor_of(user: User) -> SecondFactor:
    """Return what this person has for a second factor."""
    row = _row(user.id)
    left = db.session.scalar(select(func.count()).where(RecoveryCode.user_id == user.id)) or 0
    return SecondFactor(row.confirmed_at if row else None, row is not None and _is_pending(row), left)


def has_second_factor(user: User) -> bool:
    """Whether a code is asked for when this person signs in."""
    row = _row(user.id)
    return row is not None and row.confirmed_at is not None


def who_has_it() -> set[int]:
    """Return the ids of everyone who is asked for a code."""
    statement = select(TotpEnrolment.user_id).where(TotpEnrolment.confirmed_at.is_not(None))
    return set(db.session.scalars(statement))


def start_enrolment(user: User, password: str, *, keys: Keys, visitor: Visitor) -> None:
    """Make a new secret for an app, which does not count until a code confirms it. Commits.

    Raises what `confirm_own_act` raises, InvalidInputError("password", `totp_on`), KeyNotLoadedError.
    """
    confirm_own_act(user, password, visitor)
    if has_second_factor(user):
        raise InvalidInputError("password", "totp_on")
    subkey(PURPOSE, keys.vault_for_sealing())
    row = TotpEnrolment(user_id=user.id, nonce=secrets.token_hex(16), created_at=clock.now(), last_step=0)
    db.session.merge(row)
    db.session.commit()


def app_secret_of(user: User, keys: Keys) -> AppSecret:
    """Return what the app is given, until it is confirmed; never again afterwards.

    Raises NotThereError, KeyNotLoadedError.
    """
    row = _row(user.id)
    if row is None or not _is_pending(row):
        raise NotThereError
    secret = _secret(row, keys)
    return AppSecret(pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER), secret)


def confirm_enrolment(user: User, code: str, *, keys: Keys, actor: Actor) -> list[str]:
    """Turn the second factor on by a first code; return ten recovery codes, shown once. Commits.

    Raises NotThereError, InvalidInputError("code", `code_wrong`), KeyNotLoadedError.
    """
    row = _row(user.id)
    if row is None or not _is_pending(row):
        raise NotThereError
    if not _take_app_code(row, code, keys):
        raise InvalidInputError("code", "code_wrong")
    confirmed = (
        update(TotpEnrolment)
        .where(TotpEnrolment.user_id == user.id, TotpEnrolment.confirmed_at.is_(None))
        .values(confirmed_at=clock.now())
    )
    if not rows_changed(confirmed):
        db.session.rollback()
        raise NotThereError
    codes = _new_recovery_codes(user.id)
    record(Action.TOTP_ENABLED, actor, subject_user_id=user.id)
    db.session.commit()
    return codes


def take_code(user: User, code: str, keys: Keys) -> bool:
    """Whether this is the app's code of now or a recovery code; it works once. The caller commits.

    Raises KeyNotLoadedError for a code of the app while the key is not loaded; recovery codes need none.
    """
    row = _row(user.id)
    if row is None or row.confirmed_at is None:
        return False
    if re.fullmatch(r"[0-9]{6}", _bare(code)):
        return _take_app_code(row, code, keys)
    taken = delete(RecoveryCode).where(
        RecoveryCode.user_id == user.id, RecoveryCode.code_hash == _code_hash(_bare(code))
    )
    return bool(rows_changed(taken))


def renew_recovery_codes(user: User, password: str, visitor: Visitor) -> list[str]:
    """Return ten new recovery codes in place of those there are, shown once. Commits.

    Raises what `confirm_own_act` raises, and NotThereError.
    """
    confirm_own_act(user, password, visitor)
    if not has_second_factor(user):
        raise NotThereError
    codes = _new_recovery_codes(user.id)
    record(Action.TOTP_ENABLED, visitor.actor, outcome="codes_renewed", subject_user_id=user.id)
    db.session.commit()
    return codes


def disable(user: User, password: str, visitor: Visitor) -> None:
    """Turn the second factor off, or drop an enrolment that was not confirmed. Commits.

    Raises what `confirm_own_act` raises, and InvalidInputError("password", `totp_required`).
    """
    confirm_own_act(user, password, visitor)
    if user.totp_required and has_second_factor(user):
        raise InvalidInputError("password", "totp_required")
    if _delete(user.id):
        record(Action.TOTP_DISABLED, visitor.actor, subject_user_id=user.id)
    db.session.commit()


def reset(user_id: int, actor: Actor) -> None:
    """Turn another person's second factor off, for whoever lost both app and codes. Commits; one audit row.

    Raises NotThereError when they have none, and OwnSecondFactorError for the actor's own: a password alone
    would lift it.
    """
    if user_id == actor.user_id:
        raise OwnSecondFactorError
    keep_right(actor, user_id)
    if not _delete(user_id):
        raise NotThereError
    record(Action.TOTP_RESET, actor, subject_user_id=user_id)
    db.session.commit()


def _delete(user_id: int) -> bool:
    """Delete enrolment and recovery codes; return whether the second factor was on. The caller commits."""
    gone = delete(TotpEnrolment).where(TotpEnrolment.user_id == user_id).returning(TotpEnrolment.confirmed_at)
    confirmed_at = db.session.execute(gone).scalar_one_or_none()
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    return confirmed_at is not None


def _row(user_id: int) -> TotpEnrolment | None:
    statement = select(TotpEnrolment).where(TotpEnrolment.user_id == user_id)
    return db.session.scalar(statement.execution_options(populate_existing=True))


def _is_pending(row: TotpEnrolment) -> bool:
    return row.confirmed_at is None and row.created_at > clock.now() - PENDING_LASTS


def _secret(row: TotpEnrolment, keys: Keys) -> str:
    """Return the app's secret in base32."""
    key = existing_subkey(PURPOSE, keys)
    raw = hmac.new(key, f"{row.user_id}:{row.nonce}".encode(), hashlib.sha256).digest()
    return base64.b32encode(raw[:SECRET_BYTES]).decode("ascii")


def _take_app_code(row: TotpEnrolment, code: str, keys: Keys) -> bool:
    """Whether the code is one of now; no code of this step or an earlier one works afterwards."""
    totp = pyotp.TOTP(_secret(row, keys))
    now = int(clock.now().timestamp()) // STEP_SECONDS
    # All are compared, so that the time tells nothing.
    steps = [
        step
        for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
        if hmac.compare_digest(totp.generate_otp(step).encode(), _bare(code).encode(errors="replace"))
    ]
    if not steps:
        return False
    newer = update(TotpEnrolment).where(
        TotpEnrolment.user_id == row.user_id,
        TotpEnrolment.nonce == row.nonce,
        TotpEnrolment.last_step < steps[0],
    )
    return bool(rows_changed(newer.values(last_step=steps[0])))


def _new_recovery_codes(user_id: int) -> list[str]:
    """Return new codes, `xxxx-xxxx-xxxx-xxxx`, after writing their digests. The caller commits."""
    bare = [
        base64.b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode("ascii").lower()
        for _ in range(RECOVERY_CODES)
    ]
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    db.session.execute(
        insert(RecoveryCode), [{"user_id": user_id, "code_hash": _code_hash(one)} for one in bare]
    )
    return ["-".join(re.findall("....", one)) for one in bare]


def _bare(code: str) -> str:
    """Return the code without the blanks and dashes that people type."""
    return re.sub(r"[\s-]", "", code).lower()


def _code_hash(code: str) -> str:
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
