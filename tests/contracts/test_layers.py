"""Imports go one way (docs/decisions/0001). Read from the source, so that a lazy import counts too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.checkout import ROOT

#: What each layer may import of `app`. A layer may always import itself.
ALLOWED = {
    "web": {
        "words",
        "services",
        "models",
        "crypto",
        "mcp",
        "mail",
        "metrics",
        "extensions",
        "errors",
        "clock",
    },
    # `quickstart --serve` makes an app from the settings that it has just written.
    "cli": {
        *("words", "services", "models", "crypto", "mcp", "mail", "extensions", "errors", "clock"),
        "create_app",
    },
    "services": {"models", "crypto", "mcp", "metrics", "extensions", "errors", "clock"},
    "models": {"extensions", "errors", "clock"},
    "mcp": {"errors", "clock"},
    # Services do not send: nobody waits for a mail server inside a transaction.
    "mail": {"errors"},
    "words": {"services", "mcp", "errors"},
    "crypto": {"errors"},
    "logs": {"mcp", "errors", "clock"},
    "extensions": {"errors", "clock"},
    "metrics": set(),
    "errors": set(),
    "clock": set(),
}
#: They put the layers together, so they alone may import them all.
ASSEMBLY = {ROOT / "app" / "__init__.py", ROOT / "app" / "factory.py"}
FLASK = {"flask", "werkzeug", "wtforms", "jinja2", "markupsafe", "click"}
WITHOUT_FLASK = {"services", "crypto", "mcp", "mail", "metrics", "models", "errors", "clock"}
CRYPTO_LIBRARIES = {"cryptography", "argon2"}
STANDARD_LIBRARY = {
    *("base64", "collections", "dataclasses", "functools", "hashlib", "hmac", "json", "re", "secrets"),
    *("typing", "datetime", "enum", "__future__"),
}


def imports_of(source: str, package: str) -> list[str]:
    """Return the full dotted name of everything that is imported, wherever it stands in the source."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            start = ".".join([*parents, *([node.module] if node.module else [])])
            names += [f"{start}.{alias.name}" for alias in node.names]
    return names


def problems_of(module: str, source: str) -> list[str]:
    """Return what the module imports and must not."""
    package, _, _ = module.rpartition(".")
    layer = module.split(".")[1]
    return [f"{module} imports {name}" for name in imports_of(source, package) if not may_import(layer, name)]


def may_import(layer: str, name: str) -> bool:
    top, _, rest = name.partition(".")
    if top == "app":
        return rest.split(".")[0] in {layer, *ALLOWED[layer]}
    if top == "config":
        return layer in {"cli", "web"}
    if layer == "crypto":
        return top in CRYPTO_LIBRARIES | STANDARD_LIBRARY
    if layer in WITHOUT_FLASK:
        is_flask = top in FLASK or top.startswith("flask_")
        return not is_flask or (layer, top) == ("models", "flask_login")
    return True


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layered_modules() -> list[Path]:
    return [path for path in sorted((ROOT / "app").rglob("*.py")) if path not in ASSEMBLY]


def test_imports_go_one_way() -> None:
    paths = layered_modules()

    problems = [
        problem
        for path in paths
        # A package's own imports resolve from the package, a module's from its parent.
        for problem in problems_of(
            module_name(path) + (".__init__" if path.name == "__init__.py" else ""),
            path.read_text(encoding="utf-8"),
        )
    ]

    assert len(paths) > 20
    assert problems == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("app.services.tokens", "from app.web import forms"),
        ("app.services.tokens", "from app import cli"),
        ("app.services.tokens", "from ..web.forms import TokenForm"),
        ("app.services.tokens", "from .. import web"),
        ("app.services.tokens", "def save():\n    import flask"),
        ("app.services.tokens", "from flask_login import current_user"),
        ("app.services.tokens", "import werkzeug.exceptions"),
        ("app.services.tokens", "from app import create_app"),
        ("app.services.reminders", "from app import mail"),
        ("app.mail", "from app.services import reminders"),
        ("app.mail", "from app import clock"),
        ("app.mail", "from flask import current_app"),
        ("app.metrics", "from app.extensions import db"),
        ("app.metrics", "from flask import request"),
        ("app.models.token", "from app.crypto.vault import Vault"),
        ("app.models.token", "from app.services import tokens"),
        ("app.crypto.vault", "from app.models import Token"),
        ("app.crypto.vault", "import sqlalchemy"),
        ("app.mcp.client", "from app.extensions import db"),
        ("app.web.forms", "from app.cli import users"),
        ("app.cli.users", "from app.web import messages"),
        ("app.errors", "from app.extensions import db"),
        ("app.extensions", "import app.services.tokens"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert problems_of(module, source) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("app.services.tokens", "from app.models import Token\nfrom mcp import Client\nimport json"),
        ("app.services.tokens", "from . import audit"),
        ("app.web.auth", "from flask import request\nfrom app.services import accounts"),
        ("app.models.user", "from flask_login import UserMixin"),
        ("app.crypto.vault", "from cryptography.fernet import Fernet\nfrom app.errors import MarketError"),
    ],
)
def test_an_allowed_import_is_left_alone(module: str, source: str) -> None:
    assert problems_of(module, source) == []


def test_every_layer_is_known() -> None:
    names = {module_name(path).split(".")[1] for path in layered_modules()}

    assert names <= ALLOWED.keys()
