"""Settings: one table of what can be set, and the rules that refuse unsafe values.

Order, later wins: default, `.env`, environment, `NAME_FILE`, the mapping given to `create_app`.
Errors name the setting, never the value.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from dotenv import load_dotenv

ROOT: Final = Path(__file__).resolve().parent
MIN_SECRET_CHARS: Final = 32
MIN_DISTINCT_CHARS: Final = 8
GOOD_SECRET: Final = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
HOST_PORT: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5}")
#: Narrower than RFC 5322: no `=` or `?`, of which a mail library would decode what looks encoded.
MAIL_ADDRESS: Final = r"[A-Za-z0-9.!#$%&'*+/^_{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
HOST_NAME: Final = r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?|[0-9a-fA-F:]*:[0-9a-fA-F:.]+"
#: Host, perhaps a port and a path; no user, query or fragment, and no segment that begins with a dot.
SITE: Final = (
    r"https?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"
)
#: Words of examples that people copy. A random secret holds none of them in practice.
EXAMPLE_WORDS: Final = (
    "change-me",
    "changeme",
    "example",
    "your-secret",
    "yoursecret",
    "placeholder",
    "insecure",
)

#: A rotation holds one connection for its lock besides the one that it works with.
POOL_OVERFLOW: Final = 2
#: For a connection, when all are in use; then the answer is 503.
POOL_WAIT_SECONDS: Final = 10
IN_MEMORY: Final = frozenset({"sqlite://", "sqlite:///:memory:"})

#: Switches that show, log or let through too much for a public network.
NEVER_ON: Final = (
    "DEBUG",
    "TESTING",
    "PROPAGATE_EXCEPTIONS",
    "TRAP_HTTP_EXCEPTIONS",
    "TRAP_BAD_REQUEST_ERRORS",
    "EXPLAIN_TEMPLATE_LOADING",
    "LOGIN_DISABLED",
    "SQLALCHEMY_ECHO",
    "SQLALCHEMY_RECORD_QUERIES",
)
NEVER_OFF: Final = (
    "WTF_CSRF_ENABLED",
    "WTF_CSRF_CHECK_DEFAULT",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "RATELIMIT_ENABLED",
)


class SettingError(click.ClickException):
    """A setting is missing or unsafe. The text names it and says what to do.

    A ClickException, so that a `flask` command prints this one sentence and no traceback.
    """


def _text(name: str, value: str) -> str:
    return value.strip()


def _flag(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise SettingError(f"{name} must be on or off.")


def _count(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", value.strip()):
        raise SettingError(f"{name} must be a whole number from 0 to 999.")
    return int(value)


def _at_least_one(name: str, value: str) -> int:
    if not _count(name, value):
        raise SettingError(f"{name} must be 1 or more.")
    return int(value)


def _words(name: str, value: str) -> tuple[str, ...]:
    return tuple(value.split())


def _hosts(name: str, value: str) -> list[str] | None:
    # Flask reads None as "any host", an empty list as "no host".
    return value.split() or None


def _addresses(name: str, value: str) -> tuple[str, ...]:
    words = tuple(value.lower().split())
    if any(not HOST_PORT.fullmatch(word) for word in words):
        raise SettingError(f"{name} takes host:port pairs separated by spaces, e.g. 127.0.0.1:8001.")
    return words


def _one_of(*allowed: str) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        word = value.strip().lower()
        if word not in allowed:
            raise SettingError(f"{name} must be one of: {', '.join(allowed)}.")
        return word

    return read


def _port(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", value.strip()) or not 1 <= int(value) <= 65_535:
        raise SettingError(f"{name} must be a port number from 1 to 65535.")
    return int(value)


def _matching(pattern: str, what: str) -> Callable[[str, str], str | None]:
    """Return a reader of texts of this shape; an empty one counts as unset."""

    def read(name: str, value: str) -> str | None:
        text = value.strip()
        if text and not re.fullmatch(pattern, text):
            raise SettingError(f"{name} must be {what}.")
        return text or None

    return read


def _site_url(name: str, value: str) -> str | None:
    """Return the address without a slash at its end."""
    what = "this site's address, such as https://market.example.org, without query or user"
    address = _matching(SITE, what)(name, value)
    return address.rstrip("/") if address else None


def _log_level(name: str, value: str) -> str:
    return _one_of("debug", "info", "warning", "error", "critical")(name, value).upper()


def _redis_url(name: str, value: str) -> str:
    if not re.fullmatch(r"(rediss?|unix)://\S+", value.strip()):
        raise SettingError(f"{name} must begin with redis://, rediss:// or unix://.")
    return value.strip()


def _database_url(name: str, value: str) -> str:
    """Return the URL with the driver we ship; `postgres://` is what hosting companies hand out."""
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", value.strip())


@dataclass(frozen=True)
class Setting:
    """One thing that can be set. `key` is its Flask config name, `read` turns text into its type."""

    name: str
    read: Callable[[str, str], Any]
    default: str | None
    help: str
    secret: bool = False
    key: str = ""

    def config_key(self) -> str:
        """Return the name under which `app.config` holds it."""
        return self.key or self.name


SETTINGS: Final = (
    Setting(
        "APP_ENV",
        _one_of("production", "development"),
        "production",
        "`development` relaxes what is unsafe on a public network",
    ),
    Setting("SECRET_KEY", _text, None, "Signs cookies and form tokens; 32 characters or more", secret=True),
    Setting("TOKEN_ENCRYPTION_SECRET", _text, None, "Seals the tokens; 32 characters or more", secret=True),
    Setting(
        "TOKEN_ENCRYPTION_PREVIOUS_SECRETS",
        _words,
        "",
        "Further secrets, for reading only, separated by white space",
        secret=True,
    ),
    Setting(
        "DATABASE_URL",
        _database_url,
        "sqlite:///mcp_market.db",
        "SQLite (relative to the instance folder) or PostgreSQL",
        secret=True,
        key="SQLALCHEMY_DATABASE_URI",
    ),
    Setting(
        "DATABASE_POOL_SIZE",
        _at_least_one,
        "8",
        "Connections that each process keeps open to the database: as many as it has threads",
    ),
    Setting(
        "REDIS_URL",
        _redis_url,
        None,
        "Redis that counts for the rate limits of all processes; unset: each process counts for itself",
        secret=True,
    ),
    Setting(
        "INSTANCE_PATH", _text, str(ROOT / "instance"), "Folder for the SQLite file and development secrets"
    ),
    Setting(
        "TRUSTED_PROXIES", _count, "0", "How many reverse proxies stand in front and set `X-Forwarded-*`"
    ),
    Setting("TRUSTED_HOSTS", _hosts, "", "Host names this site answers to, separated by spaces; empty: any"),
    Setting(
        "EGRESS_ALLOW",
        _addresses,
        "",
        "Exact `host:port` pairs of private or plain-HTTP servers that may be reached",
    ),
    Setting(
        "TOKEN_STORAGE",
        _one_of("on", "off"),
        "on",
        "`off`: nobody's token is stored; each is typed for the call it is used for",
    ),
    Setting(
        "REGISTRATION",
        _one_of("open", "closed"),
        None,
        "Whether strangers may sign up; default `closed` in production, else `open`",
    ),
    Setting("SESSION_IDLE_MINUTES", _at_least_one, "120", "A session ends after so long without a request"),
    Setting("SESSION_ABSOLUTE_MINUTES", _at_least_one, "720", "A session ends after so long, however busy"),
    Setting(
        "CALL_SLOTS",
        _at_least_one,
        "4",
        "How many calls of one process may wait for remote servers at once; half of its threads",
    ),
    Setting(
        "RATELIMIT_ENABLED",
        _flag,
        "on",
        "`off`, outside production only: no rate limits, and failed sign-ins hold nobody up",
    ),
    Setting(
        "SITE_URL",
        _site_url,
        None,
        "Where people reach this site, for links in mails, such as `https://market.example.org`",
    ),
    Setting(
        "SMTP_HOST",
        _matching(HOST_NAME, "a host name"),
        None,
        "Mail server for reminders, invitations and requests to renew; unset: no mail is sent",
    ),
    Setting("SMTP_PORT", _port, "587", "Port of the mail server"),
    Setting(
        "SMTP_SECURITY",
        _one_of("starttls", "tls", "none"),
        "starttls",
        "`starttls`, `tls` from the first byte, or `none`, which takes no user name",
    ),
    Setting(
        "SMTP_USERNAME",
        _matching(r"[\x20-\x7e]+", "ASCII characters"),
        None,
        "Who we sign in to the mail server as",
    ),
    Setting(
        "SMTP_PASSWORD",
        _matching(r"[\x20-\x7e]+", "ASCII characters"),
        None,
        "The password that goes with it; sent only over TLS",
        secret=True,
    ),
    Setting(
        "MAIL_FROM",
        _matching(MAIL_ADDRESS, "an email address, without a name"),
        None,
        "Address that mails come from",
    ),
    Setting(
        "METRICS_TOKEN",
        _matching(r"[\x21-\x7e]+", "visible ASCII characters without spaces"),
        None,
        "Opens `/metrics` to whoever sends it as `Authorization: Bearer`; 32 characters or more; "
        "unset: there is no such page",
        secret=True,
    ),
    Setting("LOG_LEVEL", _log_level, "info", "`debug`, `info`, `warning`, `error` or `critical`"),
)


def load_settings(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return Flask's config from defaults, environment and `overrides` (by Flask config name).

    Raises SettingError for a value that is malformed or unsafe.
    """
    testing = bool(overrides.get("TESTING"))
    if not testing:
        load_dotenv(ROOT / ".env")
    config: dict[str, Any] = {}
    for setting in SETTINGS:
        given = overrides.get(setting.config_key(), _from_environment(setting.name))
        if given is None:
            given = setting.default
        config[setting.config_key()] = setting.read(setting.name, given) if isinstance(given, str) else given
    if testing:
        config["APP_ENV"] = overrides.get("APP_ENV", "development")
    production = config["APP_ENV"] == "production"
    config["REGISTRATION"] = config["REGISTRATION"] or ("closed" if production else "open")
    _settle_secrets(config, production=production, testing=testing)
    _refuse_unsafe_mail(config, production=production)
    config.update(_flask_defaults(production=production))
    config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(config)
    known = {setting.config_key() for setting in SETTINGS}
    config.update({key: value for key, value in overrides.items() if key not in known})
    if production:
        refuse_switches(config)
    return config


def refuse_switches(config: Mapping[str, Any]) -> None:
    """Raise SettingError for a switch of Flask or a library that would open what production keeps shut."""
    on = [name for name in NEVER_ON if config.get(name)]
    off = [name for name in NEVER_OFF if config.get(name) is False]
    if on or off:
        raise SettingError(f"{(on + off)[0]} must not be {'on' if on else 'off'} in production.")


def _from_environment(name: str) -> str | None:
    """Return the variable, or the content of the file that `NAME_FILE` names."""
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name)
    if name in os.environ:
        raise SettingError(f"{name} and {name}_FILE are both set; keep one.")
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingError(f"{name}_FILE names a file that cannot be read.") from None


def _settle_secrets(config: dict[str, Any], *, production: bool, testing: bool) -> None:
    #: Names of the secrets that were made just now; the app warns of them in its log.
    config["GENERATED_SECRETS"] = []
    for name in ("SECRET_KEY", "TOKEN_ENCRYPTION_SECRET"):
        if production:
            refuse_unsafe(name, config[name])
        elif not config[name] and testing:
            config[name] = secrets.token_urlsafe(32)
        elif not config[name]:
            config[name], made = _kept_secret(Path(config["INSTANCE_PATH"]), name)
            config["GENERATED_SECRETS"] += [name] if made else []
    previous = config["TOKEN_ENCRYPTION_PREVIOUS_SECRETS"]
    if production:
        for secret in previous:
            refuse_unsafe("TOKEN_ENCRYPTION_PREVIOUS_SECRETS", secret)
    everything = [config["SECRET_KEY"], config["TOKEN_ENCRYPTION_SECRET"], *previous]
    if config["METRICS_TOKEN"] is not None:
        # Whoever tries things out leaves it unset.
        refuse_unsafe("METRICS_TOKEN", config["METRICS_TOKEN"])
        everything.append(config["METRICS_TOKEN"])
    if len(set(everything)) != len(everything):
        raise SettingError(
            "SECRET_KEY, TOKEN_ENCRYPTION_SECRET, METRICS_TOKEN and each of "
            "TOKEN_ENCRYPTION_PREVIOUS_SECRETS must differ from each other."
        )


def _refuse_unsafe_mail(config: Mapping[str, Any], *, production: bool) -> None:
    """Raise SettingError for mail that could not be sent, or that would show a password to the network."""
    if production and config["SITE_URL"] and not config["SITE_URL"].startswith("https://"):
        raise SettingError("SITE_URL must begin with https:// in production.")
    for name in ("MAIL_FROM", "SITE_URL"):
        if config["SMTP_HOST"] and not config[name]:
            raise SettingError(f"{name} is not set, but SMTP_HOST is: every mail needs both.")
    if bool(config["SMTP_USERNAME"]) != bool(config["SMTP_PASSWORD"]):
        missing = "SMTP_USERNAME" if config["SMTP_PASSWORD"] else "SMTP_PASSWORD"
        raise SettingError(f"{missing} is not set: SMTP_USERNAME and SMTP_PASSWORD go together.")
    if config["SMTP_USERNAME"] and config["SMTP_SECURITY"] == "none":
        raise SettingError(
            "SMTP_SECURITY is none, which would send SMTP_USERNAME and SMTP_PASSWORD in clear. "
            "Use starttls or tls, or set neither."
        )


def refuse_unsafe(name: str, value: str | None) -> None:
    """Raise SettingError unless `value` is long and looks random."""
    how = f"Make a good one: {GOOD_SECRET} (or, to try it on this machine, set APP_ENV=development)."
    if not value or not value.strip():
        raise SettingError(f"{name} is not set. {how}")
    if len(value) < MIN_SECRET_CHARS:
        raise SettingError(f"{name} is shorter than {MIN_SECRET_CHARS} characters. {how}")
    lowered = value.lower()
    if (
        len(set(value)) < MIN_DISTINCT_CHARS
        or _repeats(value)
        or any(word in lowered for word in EXAMPLE_WORDS)
    ):
        raise SettingError(f"{name} is an example or a repetition, not a random secret. {how}")


def _repeats(value: str) -> bool:
    """Whether a short piece, written several times, makes the whole."""
    return value in (value + value)[1:-1]


def _kept_secret(instance: Path, name: str) -> tuple[str, bool]:
    """Return the secret that this instance folder keeps for development, and whether it was made now."""
    path = instance / f"{name.lower()}.txt"
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written aside and linked into place: of two processes that start at once, both read the same one.
    aside = instance / f".{name.lower()}.{secrets.token_hex(8)}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32))
    try:
        os.link(aside, path)
        made = True
    except FileExistsError:
        made = False
    finally:
        aside.unlink()
    return path.read_text(encoding="ascii").strip(), made


def _engine_options(config: Mapping[str, Any]) -> dict[str, Any]:
    options = {
        "hide_parameters": True,
        # A connection that a restart of the database has ended costs nobody an error.
        "pool_pre_ping": True,
    }
    if config["SQLALCHEMY_DATABASE_URI"] in IN_MEMORY:
        # There is one connection, without a pool.
        return options
    return options | {
        "pool_size": config["DATABASE_POOL_SIZE"],
        "max_overflow": POOL_OVERFLOW,
        "pool_timeout": POOL_WAIT_SECONDS,
    }


def _flask_defaults(*, production: bool) -> dict[str, Any]:
    return {
        "SESSION_COOKIE_NAME": "__Host-session" if production else "session",
        "SESSION_COOKIE_SECURE": production,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "BROWSER_COOKIE_NAME": "__Host-browser" if production else "browser",
        # A page left open must still save; the token is bound to the session anyway.
        "WTF_CSRF_TIME_LIMIT": None,
        "MAX_CONTENT_LENGTH": 64 * 1024,
        "MAX_FORM_MEMORY_SIZE": 64 * 1024,
        "MAX_FORM_PARTS": 200,
        "BABEL_DEFAULT_LOCALE": "en",
        "BABEL_DEFAULT_TIMEZONE": "UTC",
    }
