"""Settings: what is refused, and that a refusal names the setting and never the value."""

from __future__ import annotations

import secrets
import stat
import threading
from pathlib import Path

import pytest

import config
from config import SETTINGS, SettingError, load_settings

GOOD = {"SECRET_KEY": secrets.token_urlsafe(32), "TOKEN_ENCRYPTION_SECRET": secrets.token_urlsafe(32)}
UNSAFE = {
    "unset": None,
    "empty": "",
    "blank": " " * 40,
    "short": "Kq9-short-but-random-4fT",
    "one letter": "a" * 40,
    "repeated": "abcdefghij" * 4,
    "example": "change-me-" + secrets.token_urlsafe(24),
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
        monkeypatch.delenv(f"{setting.name}_FILE", raising=False)
    monkeypatch.setattr(config, "ROOT", tmp_path)
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path / "instance"))


@pytest.mark.parametrize("fault", UNSAFE)
@pytest.mark.parametrize("name", ["SECRET_KEY", "TOKEN_ENCRYPTION_SECRET"])
def test_production_refuses_an_unsafe_secret_by_name(name: str, fault: str) -> None:
    value = UNSAFE[fault]

    with pytest.raises(SettingError) as caught:
        load_settings({**GOOD, name: value})

    assert name in str(caught.value)
    assert "secrets.token_urlsafe(32)" in str(caught.value)
    assert not (value and value.strip() and value in str(caught.value))


@pytest.mark.parametrize(
    "twice",
    [
        {"TOKEN_ENCRYPTION_SECRET": GOOD["SECRET_KEY"]},
        {"TOKEN_ENCRYPTION_PREVIOUS_SECRETS": GOOD["TOKEN_ENCRYPTION_SECRET"]},
        {"TOKEN_ENCRYPTION_PREVIOUS_SECRETS": "the-same-old-secret the-same-old-secret"},
    ],
    ids=["as both", "as previous too", "twice as previous"],
)
def test_a_secret_given_twice_is_refused(twice: dict[str, str]) -> None:
    with pytest.raises(SettingError) as caught:
        load_settings({**GOOD, "APP_ENV": "development", **twice})

    assert not any(secret in str(caught.value) for secret in GOOD.values())


def test_previous_secrets_are_split_at_white_space_and_held_to_the_same_rules() -> None:
    old, older = secrets.token_urlsafe(32), secrets.token_urlsafe(32)

    settings = load_settings({**GOOD, "TOKEN_ENCRYPTION_PREVIOUS_SECRETS": f" {old}\n{older} "})

    assert settings["TOKEN_ENCRYPTION_PREVIOUS_SECRETS"] == (old, older)
    with pytest.raises(SettingError, match="TOKEN_ENCRYPTION_PREVIOUS_SECRETS"):
        load_settings({**GOOD, "TOKEN_ENCRYPTION_PREVIOUS_SECRETS": "short"})


def test_a_secret_can_be_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(GOOD["SECRET_KEY"] + "\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(file))

    settings = load_settings({"TOKEN_ENCRYPTION_SECRET": GOOD["TOKEN_ENCRYPTION_SECRET"]})

    assert settings["SECRET_KEY"] == GOOD["SECRET_KEY"]


@pytest.mark.parametrize("both", [True, False], ids=["variable and file", "no such file"])
def test_a_file_that_cannot_decide_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, both: bool
) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "missing"))
    if both:
        monkeypatch.setenv("SECRET_KEY", GOOD["SECRET_KEY"])

    with pytest.raises(SettingError, match="SECRET_KEY_FILE"):
        load_settings({"TOKEN_ENCRYPTION_SECRET": GOOD["TOKEN_ENCRYPTION_SECRET"]})


def test_a_number_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = "".join(secrets.choice("0123456789") for _ in range(40)) + "0123456789"
    monkeypatch.setenv("SECRET_KEY", digits)

    settings = load_settings({"TOKEN_ENCRYPTION_SECRET": GOOD["TOKEN_ENCRYPTION_SECRET"]})

    assert settings["SECRET_KEY"] == digits


def test_development_writes_a_random_secret_once_for_its_owner_alone(tmp_path: Path) -> None:
    found: list[str] = []

    def start() -> None:
        found.append(load_settings({"APP_ENV": "development"})["TOKEN_ENCRYPTION_SECRET"])

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    file = tmp_path / "instance" / "token_encryption_secret.txt"
    assert set(found) == {file.read_text()}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "secret_key.txt",
        "token_encryption_secret.txt",
    ]


def test_testing_needs_nothing_else_and_keeps_nothing(tmp_path: Path) -> None:
    first, second = (load_settings({"TESTING": True}) for _ in range(2))

    assert first["TOKEN_ENCRYPTION_SECRET"] != second["TOKEN_ENCRYPTION_SECRET"]
    assert not (tmp_path / "instance").exists()


def test_production_is_what_you_get_unless_you_say_otherwise() -> None:
    settings = load_settings(GOOD)

    assert settings["APP_ENV"] == "production"
    assert settings["REGISTRATION"] == "closed"
    assert settings["SESSION_COOKIE_SECURE"] is True
    assert settings["SESSION_COOKIE_NAME"].startswith("__Host-")


def test_production_refuses_debug() -> None:
    with pytest.raises(SettingError, match="DEBUG"):
        load_settings({**GOOD, "DEBUG": True})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "staging"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "one"),
        ("EGRESS_ALLOW", "localhost"),
        ("EGRESS_ALLOW", "http://localhost:80"),
        ("REGISTRATION", "maybe"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_malformed_setting_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingError, match=name):
        load_settings(GOOD)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_url_gets_our_driver(scheme: str) -> None:
    settings = load_settings({**GOOD, "SQLALCHEMY_DATABASE_URI": f"{scheme}://u@h/d"})

    assert settings["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize(
    "switch",
    [
        {"DEBUG": True},
        {"TESTING": True, "APP_ENV": "production"},
        {"SQLALCHEMY_ECHO": True},
        {"PROPAGATE_EXCEPTIONS": True},
        {"LOGIN_DISABLED": True},
        {"WTF_CSRF_ENABLED": False},
        {"SESSION_COOKIE_SECURE": False},
        {"RATELIMIT_ENABLED": False},
        {"RATELIMIT_ENABLED": "0"},
    ],
    ids=str,
)
def test_production_refuses_switches_that_open_what_it_keeps_shut(switch: dict[str, object]) -> None:
    with pytest.raises(SettingError, match=f"{next(iter(switch))} must not be"):
        load_settings({**GOOD, **switch})


@pytest.mark.parametrize("value", ["0", "-1", "x", "1000", "1.5"])
@pytest.mark.parametrize(
    "name", ["SESSION_IDLE_MINUTES", "SESSION_ABSOLUTE_MINUTES", "CALL_SLOTS", "DATABASE_POOL_SIZE"]
)
def test_a_number_that_makes_no_sense_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        load_settings({**GOOD, name: value})


@pytest.mark.parametrize("value", ["localhost:6379", "http://localhost", "redis://", "redis:// x"])
def test_what_is_no_address_of_redis_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(SettingError, match="REDIS_URL") as caught:
        load_settings({**GOOD, "REDIS_URL": value})

    assert "localhost" not in str(caught.value)


@pytest.mark.parametrize("fault", [fault for fault in UNSAFE if fault not in {"unset", "empty", "blank"}])
@pytest.mark.parametrize("where", ["production", "development"])
def test_an_unsafe_metrics_token_is_refused_everywhere_by_name(where: str, fault: str) -> None:
    value = UNSAFE[fault]

    with pytest.raises(SettingError, match="METRICS_TOKEN") as caught:
        load_settings({**GOOD, "APP_ENV": where, "METRICS_TOKEN": value})

    assert not (value and value.strip() and value in str(caught.value))


@pytest.mark.parametrize("tail", [" x", "\u00e9"])
def test_a_metrics_token_that_no_header_can_carry_is_refused(tail: str) -> None:
    token = secrets.token_urlsafe(32) + tail
    with pytest.raises(SettingError, match="METRICS_TOKEN") as caught:
        load_settings({**GOOD, "METRICS_TOKEN": token})

    assert token not in str(caught.value)


def test_a_metrics_token_is_no_other_secret_and_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "metrics"
    file.write_text(secrets.token_urlsafe(32) + "\n")
    monkeypatch.setenv("METRICS_TOKEN_FILE", str(file))

    assert load_settings(GOOD)["METRICS_TOKEN"] == file.read_text().strip()
    for secret in GOOD.values():
        with pytest.raises(SettingError, match="METRICS_TOKEN"):
            load_settings({**GOOD, "METRICS_TOKEN": secret})


def test_there_are_as_many_connections_as_threads_and_one_of_a_database_in_memory() -> None:
    kept = load_settings({**GOOD, "DATABASE_POOL_SIZE": "16"})["SQLALCHEMY_ENGINE_OPTIONS"]
    memory = load_settings({**GOOD, "SQLALCHEMY_DATABASE_URI": "sqlite://"})["SQLALCHEMY_ENGINE_OPTIONS"]

    assert (kept["pool_size"], kept["pool_pre_ping"], kept["hide_parameters"]) == (16, True, True)
    assert "pool_size" not in memory
    assert memory["hide_parameters"] is True
