"""A mail server for tests: keeps what it is told, and misbehaves as asked."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer


@dataclass
class Manner:
    """How the server behaves. `certificate`: file of certificate and key, for STARTTLS or TLS."""

    certificate: Path | None = None
    tls_from_the_start: bool = False
    #: User name and password; without them it offers no AUTH.
    login: tuple[str, str] | None = None
    #: Repeats what it was given in its refusals, as a debugging server does.
    quotes: bool = False
    #: Verb, or `greeting`, at which it says nothing any more.
    hangs_at: str = ""
    #: Verb at which it hangs up.
    hangs_up_at: str = ""
    #: Addresses that it takes nothing for.
    refuses: tuple[str, ...] = ()


@dataclass
class MailServer:
    """What a server was told: envelopes with mails, and every command."""

    port: int
    manner: Manner
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def read(self, place: int = -1) -> EmailMessage:
        """Return a mail as its recipient's program reads it."""
        read = message_from_bytes(self.mails[place][2], policy=default)
        assert isinstance(read, EmailMessage)
        return read

    def text(self, place: int = -1) -> str:
        """Return a mail's plain text."""
        body: str = self.read(place).get_content()
        return body.replace("\r\n", "\n")

    @property
    def recipients(self) -> list[str]:
        """Return everyone whom a mail was handed over for, in order."""
        return [to for _, recipients, _ in self.mails for to in recipients]


class _GoneError(Exception):
    pass


class _Conversation(StreamRequestHandler):
    def handle(self) -> None:
        self.kept: MailServer = self.server.kept  # type: ignore[attr-defined]
        self.manner = self.kept.manner
        self.kept.connections += 1
        self.secured = False
        self.sender, self.recipients = "", []
        if self.manner.tls_from_the_start:
            self.secure()
        self.pause("greeting")
        self.say("220 here")
        while line := self.rfile.readline():
            self.answer(line.decode("latin-1").rstrip("\r\n"))

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def secure(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert self.manner.certificate
        context.load_cert_chain(self.manner.certificate)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.secured = True

    def finish(self) -> None:
        # With TLS it is another one than the server opened and closes.
        self.connection.close()
        super().finish()

    def pause(self, verb: str) -> None:
        if verb == self.manner.hangs_at:
            self.kept.arrived.set()
            self.kept.closing.wait(30)
            raise _GoneError
        if verb == self.manner.hangs_up_at:
            raise _GoneError

    def answer(self, line: str) -> None:
        self.kept.commands.append(line)
        verb, _, rest = line.partition(" ")
        self.pause(verb.upper())
        getattr(self, f"on_{verb.lower()}", self.on_other)(rest)

    def on_ehlo(self, _rest: str) -> None:
        self.say("250-here")
        if self.manner.certificate and not self.secured:
            self.say("250-STARTTLS")
        if self.manner.login:
            self.say("250-AUTH PLAIN")
        self.say("250 8BITMIME")

    def on_starttls(self, _rest: str) -> None:
        self.say("220 go on")
        self.secure()

    def on_auth(self, rest: str) -> None:
        _, name, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        if (name, password) == self.manner.login:
            self.say("235 welcome")
        else:
            self.say(f"535 no: {name} {password} {rest}" if self.manner.quotes else "535 no")

    def on_mail(self, rest: str) -> None:
        self.sender, self.recipients = rest.partition("<")[2].partition(">")[0], []
        self.say("250 ok")

    def on_rcpt(self, rest: str) -> None:
        to = rest.partition("<")[2].partition(">")[0]
        if to in self.manner.refuses:
            quoted = " ".join(self.manner.login or ()) if self.manner.quotes else ""
            self.say(f"550 nobody of this name {quoted}")
        else:
            self.recipients.append(to)
            self.say("250 ok")

    def on_data(self, _rest: str) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        self.kept.mails.append((self.sender, self.recipients, b"".join(lines)))
        self.say("250 taken")

    def on_quit(self, _rest: str) -> None:
        self.say("221 bye")

    def on_other(self, _rest: str) -> None:
        self.say("250 ok")


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the other side hung up, or would not take the certificate."""


@contextmanager
def mail_server(manner: Manner | None = None) -> Iterator[MailServer]:
    """Run a server on a free port of this machine until the block ends."""
    with _Server(("127.0.0.1", 0), _Conversation) as server:
        kept = MailServer(server.server_address[1], manner or Manner())
        server.kept = kept  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield kept
        finally:
            kept.closing.set()
            server.shutdown()
            thread.join()
