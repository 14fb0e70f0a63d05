"""Group forms: a group's name, a person to put into it, and for whom a server is there."""

from __future__ import annotations

import re
from typing import Final

from flask import request
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import EmailField, HiddenField, StringField

from app.services.server_groups import EVERYONE, Audience
from app.web.forms import Form, SeenForm
from app.web.urls import MAX_ID

#: A ticked group, by its id.
BOX: Final = re.compile("group-([0-9]{1,10})")


class GroupForm(Form):
    """A group's name. Its rules are the service's (`app.services.group_names`)."""

    name = StringField(_l("Name"))
    #: The name that was on the page, to be renamed; a new group has none.
    seen = HiddenField()


class MemberForm(Form):
    """Who is put into a group."""

    email = EmailField(_l("Email"))


class DeleteGroupForm(Form):
    """The number of tokens that the page said their owners could not use any more."""

    unavailable_tokens = HiddenField()

    def consent(self) -> int | None:
        """Return how many tokens that may be, None when nobody says."""
        return read_count(self.unavailable_tokens.data)


class AudienceForm(SeenForm):
    """For whom a server is there: `everyone`, or `groups` with a box for each group, `group-ID`."""

    for_whom = StringField(_l("Who may use it"))
    groups = StringField(_l("Groups"))
    #: From how many people with a token it may be taken away: a box, there once it was asked.
    unavailable_tokens = StringField(_l("People's tokens"))
    #: The number that the box is about, None: there is none.
    asked: int | None = None
    is_ticked = False

    def audience(self, present: Audience) -> Audience:
        """Return what was chosen, `present` before anything was."""
        if not self.is_submitted():
            return present
        if self.for_whom.data == "everyone":
            return EVERYONE
        boxes = (BOX.fullmatch(name) for name in request.form)
        return Audience(False, frozenset(int(box[1]) for box in boxes if box and int(box[1]) <= MAX_ID))

    def consent(self) -> int | None:
        """Return from how many people it may be taken away, None when the box was not ticked."""
        return read_count(self.unavailable_tokens.data)

    def ask(self, unavailable_tokens: int) -> None:
        """Say whose tokens could not be used any more, with a box that is not ticked."""
        self.asked, self.is_ticked = unavailable_tokens, False
        self.unavailable_tokens.errors = [
            ngettext(
                "%(num)s person who holds a token for it could not use it any more.",
                "%(num)s people who hold a token for it could not use it any more.",
                unavailable_tokens,
            )
        ]


def read_count(sent: object) -> int | None:
    """Return the number that was sent, None for anything else."""
    text = str(sent or "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None
