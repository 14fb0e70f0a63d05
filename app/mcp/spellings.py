"""Spellings: registry entries before 2025-09-16 write `is_secret` for `isSecret`; both are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def field_of(record: Any, name: str) -> Any:
    """Return the record's value under a camelCase name or its snake_case spelling, or None.

    A record that is no JSON object has no fields.
    """
    if not isinstance(record, Mapping):
        return None
    if name in record:
        return record[name]
    return record.get(re.sub(r"([A-Z])", r"_\1", name).lower())
