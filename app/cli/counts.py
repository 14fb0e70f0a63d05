"""Counts: numbers of things in words."""

from __future__ import annotations


def people_in_words(count: int) -> str:
    """Return "1 person" or "7 people"."""
    return "1 person" if count == 1 else f"{count} people"
