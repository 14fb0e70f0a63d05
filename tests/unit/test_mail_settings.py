"""Settings of mail: what could not be sent, or would show a password, is refused at start and by name."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

import config
from config import SETTINGS, SettingError, load_settings

GOOD = {"SECRET_KEY": secrets.token_urlsafe(32), "TOKEN_ENCRYPTION_SECRET": secrets.token_urlsafe(32)}
PASSWORD = "smtp-Secret-9fQ2"
MAIL = {
    "SMTP_HOST": "mail.example.org",
    "MAIL_FROM": "market@example.org",
    "SITE_URL": "https://market.example.org",
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
        monkeypatch.delenv(f"{setting.name}_FILE", raising=False)
    monkeypatch.setattr(config, "ROOT", tmp_path)
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path / "instance"))


def test_without_a_host_mail_is_off() -> None:
    settings = load_settings(GOOD)

    assert settings["SMTP_HOST"] is None
    assert load_settings({**GOOD, "SMTP_HOST": " "})["SMTP_HOST"] is None


def test_three_settings_are_enough_and_go_over_tls() -> None:
    settings = load_settings({**GOOD, **MAIL, "SITE_URL": "https://market.example.org/mcp/"})

    assert (settings["SMTP_PORT"], settings["SMTP_SECURITY"]) == (587, "starttls")
    assert settings["SITE_URL"] == "https://market.example.org/mcp"


@pytest.mark.parametrize("missing", ["MAIL_FROM", "SITE_URL"])
@pytest.mark.parametrize("value", ["", None])
def test_a_host_without_what_every_mail_needs_is_refused(missing: str, value: str | None) -> None:
    with pytest.raises(SettingError, match=missing):
        load_settings({**GOOD, **MAIL, missing: value})


@pytest.mark.parametrize("given", ["SMTP_USERNAME", "SMTP_PASSWORD"])
def test_half_of_a_sign_in_is_refused(given: str) -> None:
    missing = ({"SMTP_USERNAME", "SMTP_PASSWORD"} - {given}).pop()

    with pytest.raises(SettingError, match=f"{missing} is not set") as caught:
        load_settings({**GOOD, **MAIL, given: PASSWORD})

    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("host", [MAIL, {}], ids=["mail on", "mail off"])
def test_a_password_without_tls_is_refused_and_not_told(host: dict[str, str]) -> None:
    sign_in = {"SMTP_USERNAME": "market", "SMTP_PASSWORD": PASSWORD}

    with pytest.raises(SettingError, match="SMTP_SECURITY") as caught:
        load_settings({**GOOD, **host, **sign_in, "SMTP_SECURITY": "none"})

    assert PASSWORD not in str(caught.value)
    assert load_settings({**GOOD, **host, **sign_in, "SMTP_SECURITY": "tls"})["SMTP_PASSWORD"] == PASSWORD


def test_the_password_can_be_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    monkeypatch.setenv("SMTP_PASSWORD_FILE", str(file))

    assert load_settings({**GOOD, **MAIL, "SMTP_USERNAME": "market"})["SMTP_PASSWORD"] == PASSWORD


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_HOST", "smtp://mail.example.org"),
        ("SMTP_HOST", "mail.example.org:587"),
        ("SMTP_HOST", "mail example org"),
        ("SMTP_PORT", "0"),
        ("SMTP_PORT", "65536"),
        ("SMTP_PORT", "smtp"),
        ("SMTP_SECURITY", "ssl"),
        ("SMTP_PASSWORD", f"{PASSWORD}é"),
        ("SMTP_PASSWORD", f"{PASSWORD}\nx"),
        ("SMTP_USERNAME", "mark\x00et"),
        ("MAIL_FROM", "market"),
        ("MAIL_FROM", "MCP Market <market@example.org>"),
        ("MAIL_FROM", "market@example.org\r\nBcc: eve@example.net"),
        ("MAIL_FROM", "=?utf-8?q?x?=@example.org"),
        ("SITE_URL", "vault.example.net"),
        ("SITE_URL", "ftp://vault.example.net"),
        ("SITE_URL", "https:///"),
        ("SITE_URL", "https://ann:secret@vault.example.net"),
        ("SITE_URL", "https://vault.example.net/?next="),
        ("SITE_URL", "https://vault.example.net/#x"),
        ("SITE_URL", "https://vault.example.net/../x"),
        ("SITE_URL", "https://vault.example.net//x"),
        ("SITE_URL", "https://vault.example.net/a b"),
        ("SITE_URL", "https://vault.example.net/\nx"),
    ],
)
def test_a_malformed_setting_is_refused_by_name_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name) as caught:
        load_settings({**GOOD, **MAIL, name: value})

    assert value not in str(caught.value)


def test_links_are_https_but_in_development() -> None:
    local = {"SITE_URL": "http://127.0.0.1:8000"}

    with pytest.raises(SettingError, match="SITE_URL must begin with https://"):
        load_settings({**GOOD, **local})

    assert load_settings({**GOOD, **local, "APP_ENV": "development"})["SITE_URL"] == local["SITE_URL"]
