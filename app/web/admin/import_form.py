"""Import form: files or a pasted text to review, then what of the review is to be imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import FileField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are older

from app.errors import InvalidInputError
from app.mcp.placeholders import MAX_ANSWER_CHARS, Question
from app.web.forms import Form
from app.web.large_bodies import MAX_CATALOGUE_BYTES

MAX_FILES: Final = 100
#: Before the key of a question in the name of its field.
VALUE: Final = "value:"


class PastedField(TextAreaField):
    """A text that a page never gives back: nobody knows yet what was pasted."""

    def _value(self) -> str:
        return ""


class UploadForm(Form):
    """Files, or a text. The one form here that takes files: their names are neither kept nor shown."""

    file = FileField(_l("Files"))
    text = PastedField(_l("Or paste it"))

    def texts(self) -> list[str]:
        """Return what was sent. Raises InvalidInputError for `file`."""
        files = [one for one in request.files.getlist("file") if one.filename]
        pasted = (self.text.data or "").strip()
        if bool(files) == bool(pasted):
            raise InvalidInputError("file", "both" if files else "none")
        if len(files) > MAX_FILES:
            raise InvalidInputError("file", "too_many")
        contents = [one.stream.read(MAX_CATALOGUE_BYTES + 1) for one in files] or [pasted.encode()]
        if sum(map(len, contents)) > MAX_CATALOGUE_BYTES:
            raise InvalidInputError("file", "too_large")
        try:
            return [content.decode("utf-8-sig") for content in contents]
        except UnicodeDecodeError:
            raise InvalidInputError("file", "not_json") from None


class ReviewForm(Form):
    """What comes back from the page of a review, besides a field for each question."""

    #: The texts, packed (`app.web.admin.carried_files`).
    carried = HiddenField()
    #: The digest of the plan that is on the page.
    plan = HiddenField()

    @property
    def blanks(self) -> list[Any]:
        """Return the fields of the questions, in their order."""
        return [field for name, field in self._fields.items() if name.startswith(VALUE)]


def sent_values() -> dict[str, str]:
    """Return the answers that came with a review, by the keys of their questions."""
    sent = {
        name.removeprefix(VALUE): text.strip()
        for name, text in request.form.items()
        if name.startswith(VALUE)
    }
    return {key: text for key, text in sent.items() if text}


def review_form(questions: Sequence[Question]) -> ReviewForm:
    """Return the form of a review, with a field for each question."""
    asked = {f"{VALUE}{question.key}": _blank(number, question) for number, question in enumerate(questions)}
    # WTForms sorts fields by when they were made.
    form: ReviewForm = type("AskingForm", (ReviewForm,), asked)()
    for question in questions:
        if question.refused:
            form[f"{VALUE}{question.key}"].errors = [_why(question)]
    return form


def _blank(number: int, question: Question) -> Any:
    facts: dict[str, Any] = {
        "label": question.name,
        "id": f"value-{number}",
    }
    if not question.choices:
        return StringField(**facts, render_kw={"maxlength": MAX_ANSWER_CHARS, "placeholder": question.answer})
    kept = question.answer or _("none yet")
    choices = [("", kept), *((choice, choice) for choice in question.choices if choice != question.answer)]
    return SelectField(
        **facts, choices=[SelectChoice(value, label) for value, label in choices], validate_choice=False
    )


def _why(question: Question) -> str:
    if question.choices:
        return str(_("This is not one of the choices."))
    return str(_("An answer is at most 500 characters, without { } < >."))
