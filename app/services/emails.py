"""E-mail addresses: one normal form, so that spellings of one address are one account."""

from __future__ import annotations

import unicodedata

from email_validator import EmailNotValidError, validate_email

from app.errors import InvalidInputError

MAX_EMAIL_CHARS = 254


def normalise_email(text: str) -> str:
    """Return the address as accounts keep it: NFKC, validated, in ASCII, domain in IDNA form, case-folded.

    A local part outside ASCII is refused: no normal form makes one address of a Latin "a" and a Cyrillic
    one, and two accounts that look alike are how one person is taken for another (UTS #39). Names of an
    intranet ("ann@mail") are addresses too. Raises InvalidInputError("email", "email_invalid").
    """
    try:
        checked = validate_email(
            unicodedata.normalize("NFKC", text).strip(),
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
            allow_smtputf8=False,
        )
    except EmailNotValidError:
        raise InvalidInputError("email", "email_invalid") from None
    domain = checked.ascii_domain or checked.domain
    address = f"{checked.local_part}@{domain}".casefold()
    if len(address) > MAX_EMAIL_CHARS:
        raise InvalidInputError("email", "email_invalid")
    return address
