"""Server form: a server of the catalogue as an admin reads and writes it, field by field."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField, URLField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older

from app.mcp.token_headers import AUTHORIZATION, TOKEN, default_format
from app.models import Server
from app.models.server import SSE, STREAMABLE_HTTP
from app.services.server_fields import FIELDS, read_header_lines
from app.web.forms import Form, SeenForm

#: Stands for a token that nobody shows.
MASK: Final = "••••"
TRANSPORTS: Final = ((STREAMABLE_HTTP, _l("Streamable HTTP")), (SSE, _l("SSE, of old servers")))


class ServerForm(SeenForm):
    """Everything that admins say of a server. Its rules are the service's (`app.services.server_fields`)."""

    name = StringField(_l("Name"))
    description = TextAreaField(_l("Description"))
    url = URLField(_l("Address"))
    transport = SelectField(
        _l("Transport"),
        choices=[SelectChoice(value, label) for value, label in TRANSPORTS],
        validate_choice=False,
    )
    auth_header_name = StringField(_l("Header that carries the token"))
    #: Left empty: the usual one of the header.
    auth_value_format = StringField(_l("Its value"))
    token_required = BooleanField(_l("It needs a token"))
    extra_headers = TextAreaField(_l("Further headers"))
    token_help = TextAreaField(_l("Help text"))
    token_help_url = URLField(_l("Provider's token page"))
    token_placeholder = StringField(_l("What a token looks like"))
    probe_tool = StringField(_l("Probe tool"))
    #: Of a new server alone: whether people see it at once.
    is_enabled = BooleanField(_l("Show it to people at once"))
    #: Of a new server alone: without it, it is there for nobody until groups are chosen.
    for_everyone = BooleanField(_l("It is there for everyone"))
    #: How many tokens may be put on hold: a box, there once it was asked.
    held_tokens = StringField(_l("People's tokens"))
    #: The number that the box is about, None: there is none.
    asked: int | None = None
    is_ticked = False

    @classmethod
    def new(cls) -> ServerForm:
        """Return the form as it was sent, or else with what most servers have."""
        return cls(auth_header_name=AUTHORIZATION, token_required=True, is_enabled=True, for_everyone=True)

    @classmethod
    def of(cls, server: Server) -> ServerForm:
        """Return the form as it was sent, or else filled with what is saved."""
        form = cls(**values_of(server), seen=server.updated_at.isoformat())
        form.asked = form.consent()
        form.is_ticked = form.asked is not None
        return form

    def changes(self) -> dict[str, Any]:
        """Return what was sent, by the names of `FIELDS`. Raises InvalidInputError for `extra_headers`."""
        # A field that a browser always sends may be missing all the same: then it is empty.
        found = {name: self._fields[name].data for name in FIELDS}
        sent = {name: "" if value is None else value for name, value in found.items()}
        return sent | {
            "auth_value_format": self.value_format,
            "extra_headers": read_header_lines(self.extra_headers.data or ""),
        }

    @property
    def value_format(self) -> str:
        """Return the format as it was written, or the usual one of the header when it was left empty."""
        written = self.auth_value_format.data or ""
        return written if written.strip() else default_format((self.auth_header_name.data or "").strip())

    def consent(self) -> int | None:
        """Return how many tokens may be put on hold, None when the box was not ticked."""
        sent = self.held_tokens.data or ""
        return int(sent) if re.fullmatch("[0-9]{1,9}", sent) else None

    def ask(self, held_tokens: int) -> None:
        """Say whose tokens the new address holds, with a box that is not ticked."""
        self.asked, self.is_ticked = held_tokens, False
        self.held_tokens.errors = [
            ngettext(
                "This puts the token of %(num)s person on hold until they confirm the new address.",
                "This puts the tokens of %(num)s people on hold until each of them confirms the new address.",
                held_tokens,
            )
        ]

    def show_saved(self, server: Server) -> None:
        """Say that somebody was faster, and beside each field that differs what is saved now."""
        self.form_errors.append(
            _(
                "Somebody else changed this server while you had it open, so nothing was changed. Where "
                "yours differs, what is saved now stands beside it. Save again to put yours in its place."
            )
        )
        for name, value in values_of(server).items():
            if _differ(self._fields[name].data, value):
                shown = {True: _("ticked"), False: _("not ticked"), "": _("nothing")}.get(value, value)
                self._fields[name].errors = [_("Saved now: %(value)s", value=shown)]
        self.seen.data = server.updated_at.isoformat()

    @property
    def preview(self) -> str:
        """Return the header line that will be sent, without a token."""
        name = (self.auth_header_name.data or "").strip()
        return f"{name}: {self.value_format.replace(TOKEN, MASK)}"


class DeleteServerForm(Form):
    """The name of the server, typed, and the number of tokens that the page said would go."""

    name = StringField(_l("Its name"))
    deleted_tokens = HiddenField()

    def names(self, server: Server) -> bool:
        """Whether what was typed is the server's name, or its short name, which everybody can type."""
        typed = _folded(self.name.data or "")
        return typed in {_folded(server.name), server.slug}

    def consent(self) -> int | None:
        """Return how many tokens may go, None when nobody says."""
        sent = self.deleted_tokens.data or ""
        return int(sent) if re.fullmatch("[0-9]{1,9}", str(sent)) else None


def _folded(text: str) -> str:
    """Return a name as two that read alike to whoever types it: NFKC, and white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def values_of(server: Server) -> dict[str, Any]:
    """Return the server's fields as the form shows them: texts, and a box."""
    values = {name: getattr(server, name) for name in FIELDS} | {
        "extra_headers": "\n".join(f"{name}: {value}" for name, value in server.extra_headers.items())
    }
    return {name: "" if value is None else value for name, value in values.items()}


def _differ(typed: Any, saved: Any) -> bool:
    if isinstance(saved, str):
        # A browser sends every line break as two characters.
        return str(typed or "").replace("\r\n", "\n").strip() != saved
    return bool(typed) is not saved
