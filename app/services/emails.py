"""E-mail addresses: one normal form, so that spellings of one address are one account."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from app.errors import InvalidInputError

MAX_EMAIL_CHARS = 254


def normalise_email(text: str) -> str:
    """Return the address as accounts keep it: validated, NFC, domain in IDNA form, case-folded.

    Names of an intranet ("ann@mail") are addresses too. Raises InvalidInputError("email", "email_invalid").
    """
    try:
        checked = validate_email(
            text.strip(), check_deliverability=False, globally_deliverable=False, test_environment=True
        )
    except EmailNotValidError:
        raise InvalidInputError("email", "email_invalid") from None
    domain = checked.ascii_domain or checked.domain
    address = f"{checked.local_part}@{domain}".casefold()
    if len(address) > MAX_EMAIL_CHARS:
        raise InvalidInputError("email", "email_invalid")
    return address
