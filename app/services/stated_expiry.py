"""Stated expiry: when a token itself says that it ends. Offered to its owner, and never enforced."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime


def stated_expiry(token: str) -> datetime | None:
    """Return the `exp` of a JWT (RFC 7519, 4.1.4), its signature not looked at; None for any other token."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        exp = claims.get("exp") if isinstance(claims, dict) else None
        if not isinstance(exp, int | float) or isinstance(exp, bool) or exp <= 0:
            return None
        return datetime.fromtimestamp(exp, UTC)
    except (ValueError, OverflowError, OSError, RecursionError):
        return None
