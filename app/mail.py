"""Mail: plain texts to one person each, through the mail server that the settings name.

Nothing of the mail library leaves this module: its errors repeat what the server said, and a server may
repeat the password that it was given.
"""

from __future__ import annotations

import re
import secrets
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final, Self

from app.errors import MailError

#: For each answer of the mail server.
TIMEOUT_SECONDS: Final = 15
SENDER_NAME: Final = "MCP Market"
MAX_SUBJECT_CHARS: Final = 150

#: Reasons of a MailError. The first three are the server's or the settings'; the last two, one mail's.
UNREACHABLE: Final = "unreachable"
NOT_SECURE: Final = "not_secure"
SIGN_IN: Final = "sign_in"
REFUSED: Final = "refused"
ADDRESS: Final = "address"

STARTTLS: Final = "starttls"
TLS: Final = "tls"
NO_TLS: Final = "none"

#: What Python's mail library decodes inside a header that one sets, line breaks included (CVE-2024-6923).
ENCODED_WORD: Final = "=?"
ADDRESS_SHAPE: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
#: In lower case and in order; each stands in a mail once.
HEADERS: Final = (
    *("auto-submitted", "content-transfer-encoding", "content-type", "date", "from", "message-id"),
    *("mime-version", "subject", "to"),
)
FAILURES: Final = (OSError, smtplib.SMTPException, ValueError)


@dataclass(frozen=True)
class MailSettings:
    """Where mails go out. `security`: `starttls`, `tls` or `none`; `sender`: a bare address."""

    host: str
    port: int
    security: str
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self | None:
        """Return where mails go out by the app's settings; None: nowhere.

        `SMTP_HOST` brings the others along: the start saw to that.
        """
        if not config["SMTP_HOST"]:
            return None
        return cls(
            host=config["SMTP_HOST"],
            port=config["SMTP_PORT"],
            security=config["SMTP_SECURITY"],
            sender=config["MAIL_FROM"],
            username=config["SMTP_USERNAME"],
            password=config["SMTP_PASSWORD"],
        )

    @property
    def domain(self) -> str:
        """Return the domain that is ours: the sender's."""
        return self.sender.rpartition("@")[2]


@dataclass(frozen=True)
class Message:
    """A plain text to one address."""

    to: str
    subject: str
    body: str


class Post:
    """A connection to the mail server, for as many mails as there are; closed when the block ends.

    Opened by the first mail, and anew by the next one after it was lost.
    """

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        """Return itself; connects to nothing yet."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Say goodbye, as far as anybody listens."""
        if self._smtp is not None:
            with suppress(*FAILURES):
                self._smtp.quit()
        self._close()

    def ready(self) -> None:
        """Connect and sign in, unless there is a connection that answers.

        Raises MailError(UNREACHABLE), (NOT_SECURE) or (SIGN_IN): then no other mail could be sent either.
        """
        if self._answers():
            return
        self._close()
        reason = self._open()
        # Outside of the `except` that found it: an exception remembers the one it was raised in.
        if reason is not None:
            self._close()
            raise MailError(reason)

    def send(self, message: Message) -> None:
        """Send a mail. Raises MailError, of any reason; with UNREACHABLE it may have arrived all the same."""
        raw = compose(message, self._settings)
        if self._smtp is None:
            self.ready()
        reason = self._hand_over(message.to, raw)
        if reason is not None:
            if reason == UNREACHABLE:
                self._close()
            raise MailError(reason)

    def _open(self) -> str | None:
        """Connect; return the reason why not, None when it worked."""
        settings, step = self._settings, UNREACHABLE
        try:
            self._smtp = self._connect()
            if settings.security == STARTTLS:
                step = NOT_SECURE
                # A server that does not offer it ends here: nothing is sent in clear instead.
                self._smtp.starttls(context=ssl.create_default_context())
            # The settings refuse it too; this is the line that would send the password.
            if settings.username and settings.password and settings.security != NO_TLS:
                step = SIGN_IN
                self._smtp.login(settings.username, settings.password)
        except FAILURES as error:
            return _reason_of(error, step)
        return None

    def _connect(self) -> smtplib.SMTP:
        # The name that we greet with is the sender's domain, not that of the machine we run on.
        settings = self._settings
        if settings.security == TLS:
            return smtplib.SMTP_SSL(
                settings.host,
                settings.port,
                local_hostname=settings.domain,
                timeout=TIMEOUT_SECONDS,
                context=ssl.create_default_context(),
            )
        return smtplib.SMTP(
            settings.host, settings.port, local_hostname=settings.domain, timeout=TIMEOUT_SECONDS
        )

    def _answers(self) -> bool:
        if self._smtp is None:
            return False
        try:
            return self._smtp.noop()[0] == 250
        except FAILURES:
            return False

    def _hand_over(self, to: str, raw: bytes) -> str | None:
        """Send it to this one address, whatever its headers say; return the reason why not, or None."""
        if self._smtp is None:
            return UNREACHABLE
        try:
            self._smtp.sendmail(self._settings.sender, [to], raw)
        except FAILURES as error:
            return _reason_of(error, REFUSED)
        return None

    def _close(self) -> None:
        if self._smtp is not None:
            with suppress(*FAILURES):
                self._smtp.close()
        self._smtp = None


def send(message: Message, settings: MailSettings) -> None:
    """Send one mail over a connection of its own; for many, see `Post`. Raises MailError."""
    with Post(settings) as post:
        post.send(message)


def compose(message: Message, settings: MailSettings) -> bytes:
    """Return the mail as it is sent. Raises MailError(ADDRESS) for one that nobody should send.

    Whatever subject and body hold, the headers are ours and no others: they are read back, because the
    library has made headers of values before.
    """
    if not ADDRESS_SHAPE.fullmatch(message.to) or ENCODED_WORD in message.to:
        raise MailError(ADDRESS)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(settings.sender, SENDER_NAME)
    mail["To"] = _address(message.to)
    mail["Subject"] = _one_line(message.subject)
    mail["Date"] = format_datetime(datetime.now(UTC))
    # Not `make_msgid`, which tells the process id.
    mail["Message-ID"] = f"<{secrets.token_hex(16)}@{settings.domain}>"
    # RFC 3834: no out-of-office notice comes back.
    mail["Auto-Submitted"] = "auto-generated"
    # Letters that no text has, and UTF-8 cannot say, become question marks.
    body = message.body.encode(errors="replace").decode()
    mail.set_content(body, charset="utf-8", cte="quoted-printable")
    raw = _written(mail)
    if raw is None or _header_names(raw) != HEADERS:
        raise MailError(ADDRESS)
    return raw


def _written(mail: EmailMessage) -> bytes | None:
    """Return the bytes; None for headers that newer versions of the library refuse to write."""
    try:
        return mail.as_bytes()
    except (MessageError, ValueError):
        return None


def _address(text: str, name: str = "") -> Address:
    local, _, domain = text.rpartition("@")
    return Address(name, local, domain)


def _one_line(text: str) -> str:
    """Return the text without what could end a header, reorder it, or be decoded into either."""
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    # After the others are gone: without them, two harmless halves may make one.
    return line.replace(ENCODED_WORD, "= ?")[:MAX_SUBJECT_CHARS]


def _header_names(raw: bytes) -> tuple[str, ...]:
    """Return the names of the header lines, in lower case and in order; a line without one counts too."""
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii", errors="replace")
    lines = re.split(r"\r\n|\r|\n", head)
    return tuple(sorted(line.partition(":")[0].lower() for line in lines if not line.startswith((" ", "\t"))))


def _reason_of(error: Exception, step: str) -> str:
    """Return why it failed: `step`, unless nobody answered or nobody could prove who they are."""
    if isinstance(error, ssl.SSLError):
        return NOT_SECURE
    lost = isinstance(error, smtplib.SMTPServerDisconnected | smtplib.SMTPConnectError)
    # To Python, every SMTPException is an OSError too.
    unanswered = isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException)
    return UNREACHABLE if lost or unanswered else step
