"""MCP Market: the application factory.

The parts are imported when an app is made, not when the package is: `app.crypto` alone must stay
importable, and quick, without Flask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Return an app; `config` overrides settings by their Flask config names.

    Never queries the database. Raises config.SettingError for missing or unsafe settings.
    """
    from app.factory import assemble
    from config import load_settings

    return assemble(load_settings(config or {}))
