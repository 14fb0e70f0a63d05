"""Mail: sent as ours and nobody else's, over TLS or without a password; no error quotes the server."""

from __future__ import annotations

import socket
import traceback
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import mail
from app.errors import MailError
from app.mail import MailSettings, Message, Post, compose, send
from tests.mail_servers import MailServer, Manner, mail_server
from tests.mcp_servers.certificates import Authority

PASSWORD = "smtp-Secret-9fQ2 with spaces"
LOGIN = ("market", PASSWORD)
HELLO = Message("ann@example.com", "Hello", "A text.\n")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that this process trusts, and no other."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


@pytest.fixture
def plain() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def reach(server: MailServer, security: str = "none", *, password: str | None = None) -> MailSettings:
    return MailSettings(
        host="localhost" if security != "none" else "127.0.0.1",
        port=server.port,
        security=security,
        sender="market@example.org",
        username="market" if password else None,
        password=password,
    )


def failure(message: Message, settings: MailSettings) -> MailError:
    with pytest.raises(MailError) as caught:
        send(message, settings)
    return caught.value


def test_a_mail_arrives_with_the_headers_that_programs_need(plain: MailServer) -> None:
    send(Message("ann@example.com", "안녕하세요", "하나\n.\ntwo\n"), reach(plain))

    (sender, recipients, raw), read = plain.mails[0], plain.read()
    assert (sender, recipients) == ("market@example.org", ["ann@example.com"])
    assert (read["To"], read["From"]) == ("ann@example.com", "MCP Market <market@example.org>")
    assert (read["Subject"], plain.text()) == ("안녕하세요", "하나\n.\ntwo\n")
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Message-ID"].endswith("@example.org>")
    assert read["Date"].datetime.tzinfo is not None
    assert raw.isascii()


def test_many_mails_go_over_one_connection_which_greets_with_our_domain(plain: MailServer) -> None:
    with Post(reach(plain)) as post:
        for name in ("ann", "bob", "cyd"):
            post.ready()
            post.send(Message(f"{name}@example.com", "Hello", "x"))

    assert plain.recipients == ["ann@example.com", "bob@example.com", "cyd@example.com"]
    assert plain.connections == 1
    assert "ehlo example.org" in plain.commands
    assert len({plain.read(place)["Message-ID"] for place in range(3)}) == 3


def test_a_lost_connection_is_opened_anew(plain: MailServer) -> None:
    with Post(reach(plain)) as post:
        post.send(HELLO)
        assert post._smtp is not None
        assert post._smtp.sock is not None
        post._smtp.sock.shutdown(socket.SHUT_RDWR)
        post.ready()
        post.send(HELLO)

    assert (len(plain.mails), plain.connections) == (2, 2)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_credentials_go_over_tls_with_a_certificate_that_was_checked(
    authority: Authority, security: str
) -> None:
    manner = Manner(authority.certificate_for("localhost"), security == "tls", login=LOGIN)

    with mail_server(manner) as server:
        send(HELLO, reach(server, security, password=PASSWORD))

        assert server.recipients == ["ann@example.com"]
        assert any(command.startswith("AUTH") for command in server.commands)


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("fault", ["another name", "an authority that nobody knows", "no TLS at all"])
def test_nothing_is_sent_to_who_cannot_prove_who_they_are(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, security: str, fault: str
) -> None:
    name = "other.example" if fault == "another name" else "localhost"
    manner = Manner(authority.certificate_for(name), security == "tls", login=LOGIN)
    if fault == "no TLS at all":
        # Somebody on the way takes the offer of STARTTLS out.
        manner = Manner(login=LOGIN)
    if fault == "an authority that nobody knows":
        monkeypatch.delenv("SSL_CERT_FILE")

    with mail_server(manner) as server:
        error = failure(HELLO, reach(server, security, password=PASSWORD))

        assert error.reason == "not_secure"
        assert [words for words in server.commands if words.split()[0].upper() in {"AUTH", "MAIL"}] == []


def test_without_tls_no_password_leaves_whatever_the_settings_say() -> None:
    with mail_server(Manner(login=LOGIN)) as server:
        send(HELLO, reach(server, "none", password=PASSWORD))

        assert [words for words in server.commands if words.startswith("AUTH")] == []


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        (Manner(hangs_at="greeting"), "unreachable"),
        (Manner(hangs_at="MAIL"), "unreachable"),
        (Manner(hangs_at="DATA"), "unreachable"),
        (Manner(hangs_up_at="greeting"), "unreachable"),
        (Manner(hangs_up_at="RCPT"), "unreachable"),
        (Manner(refuses=("ann@example.com",)), "refused"),
    ],
    ids=str,
)
def test_a_server_that_fails_us_is_one_error_of_ours(manner: Manner, reason: str) -> None:
    with mail_server(manner) as server:
        assert failure(HELLO, reach(server)).reason == reason
        assert server.mails == []


def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = MailSettings("127.0.0.1", taken.getsockname()[1], "none", "market@example.org")

        assert failure(HELLO, settings).reason == "unreachable"


@pytest.mark.parametrize("password", ["wrong-" + PASSWORD, PASSWORD])
def test_a_server_that_quotes_the_password_is_not_quoted(
    authority: Authority, password: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    manner = Manner(
        authority.certificate_for("localhost"), login=LOGIN, quotes=True, refuses=("ann@example.com",)
    )

    with mail_server(manner) as server:
        settings = reach(server, "starttls", password=password)
        error = failure(HELLO, settings)

    assert error.reason == ("refused" if password == PASSWORD else "sign_in")
    # Not even the exception that it was raised after.
    assert (error.__context__, error.__cause__) == (None, None)
    told = "".join(traceback.format_exception(error)) + repr(settings) + str(settings) + repr(error)
    said = capfd.readouterr()
    assert PASSWORD not in told + caplog.text + said.out + said.err


#: What a name in a subject, or an address, does to a mail where nobody takes care.
HOSTILE = {
    "line break": "x\r\nBcc: eve@example.net",
    "line feed": "x\nBcc: eve@example.net",
    "end of headers": "x\r\n\r\nA text of theirs",
    "other line ends": "x\x0bBcc: a\x0cBcc: b\x85Bcc: c\u2028Bcc: d",
    "null": "x\x00y",
    "encoded line break": "=?utf-8?q?x=0D=0ABcc:_eve=40example.net?=",
    "encoded line break in base64": "=?utf-8?b?eA0KQmNjOiBldmVAZXhhbXBsZS5uZXQ=?=",
    "encoded, in halves": "=\u200b?utf-8?q?x=0D=0ABcc:_eve=40example.net?=",
    "encoded, in halves twice": "=?=\x00?utf-8?q?x=0ABcc:_eve=40example.net?=",
    "encoded, next to Korean": "가 =?utf-8?q?x=0ABcc:_eve=40example.net?= 나",
    "right to left": "\u202ex\u2066y",
    "lone surrogate": "x\ud800y",
    "very long": "word " * 5000,
    "one very long word": "가" * 5000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_becomes_a_header(plain: MailServer, name: str) -> None:
    text = HOSTILE[name]

    send(Message("ann@example.com", f"Your token for {text} expires", f"{text}\n"), reach(plain))

    read = plain.read()
    assert tuple(sorted(header.lower() for header in read)) == mail.HEADERS
    assert read.defects == []
    assert plain.recipients == ["ann@example.com"]
    assert read["Subject"].startswith("Your token for ")
    assert all(character.isprintable() for character in read["Subject"])
    assert len(read["Subject"]) <= mail.MAX_SUBJECT_CHARS
    assert max(map(len, plain.mails[0][2].splitlines())) <= 998


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(
    "form", ["{}", "{}@example.com", "ann@{}", "ann@example.com {}", "ann@example.com,{}"]
)
def test_an_odd_address_gets_no_mail(text: str, form: str) -> None:
    settings = MailSettings("127.0.0.1", 1, "none", "market@example.org")

    with pytest.raises(MailError, match="address"):
        compose(Message(form.format(text), "x", "y"), settings)


def test_an_address_that_is_another_one_once_decoded_gets_no_mail() -> None:
    # Every character of it may stand in an address (RFC 5322, 3.2.3), so an account may have it.
    with pytest.raises(MailError, match="address"):
        compose(
            Message("=?utf-8?q?eve=40example.net=2C?=@example.com", "x", "y"),
            MailSettings("127.0.0.1", 1, "none", "market@example.org"),
        )


@pytest.mark.parametrize(
    "to", ["o'brien+mcp@mail", "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".co", "{x}#y!z@xn--9n2bp8q.com"]
)
def test_addresses_that_accounts_may_have_get_theirs(plain: MailServer, to: str) -> None:
    send(Message(to, "x", "y"), reach(plain))

    assert plain.recipients == [to]
    assert plain.read()["To"] == to


@pytest.mark.parametrize("header", ["Bcc", "To", "X-Theirs"])
def test_what_the_library_makes_a_header_of_is_not_sent(monkeypatch: pytest.MonkeyPatch, header: str) -> None:
    # As if it decoded something that nobody knows of yet.
    monkeypatch.setattr(mail, "_one_line", lambda text: text)
    encoded = b64encode(f"x\r\n{header}: eve@example.net".encode()).decode()

    with pytest.raises(MailError, match="address"):
        compose(
            Message("ann@example.com", f"Your token for =?utf-8?b?{encoded}?= expires", "y"),
            MailSettings("127.0.0.1", 1, "none", "market@example.org"),
        )
