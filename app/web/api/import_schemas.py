"""Import schemas: the shape of what an import is sent and answers, and of an export."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from app.web.api.fields import Count, Flag, JsonObject, Text
from app.web.api.schemas import Schema
from app.web.large_bodies import MAX_BODY_BYTES


class JsonDocument(fields.Raw):
    """A JSON object or list, of whatever is in it."""

    default_error_messages = {"required": "required", "null": "object", "invalid": "object"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict | list):
            raise self.make_error("invalid")
        return value


class CatalogueImport(Schema):
    """A catalogue, and what of it may be done."""

    catalogue = JsonDocument(
        required=True,
        metadata={
            "type": ["object", "array"],
            "description": "A server.json entry, a list page of the registry, a list, or an export. "
            f"The whole body may have {MAX_BODY_BYTES // 1024**2} MiB.",
        },
    )
    dry_run = Flag(load_default=False, metadata={"description": "Say what it would do, and do nothing."})
    values = JsonObject(
        keys=fields.String(),
        values=Text(),
        load_default=dict,
        metadata={
            "description": "What placeholders stand for: a question's key, or its name for every entry. "
            "Everybody sees them: never a secret."
        },
    )
    entries = fields.List(
        Text(),
        load_default=None,
        metadata={"description": "Names of the entries to take; absent: all of them."},
        error_messages={"null": "object", "invalid": "object"},
    )
    held_tokens = Count("How many tokens it may put on hold: the number of the dry run, or in the 409.")
    plan = Text(metadata={"description": "As the dry run gave it: then nothing else than that is done."})


class PlannedChange(Schema):
    """One field that differs, or that a new server has and not every one."""

    field = fields.String(required=True)
    old = fields.Raw(
        required=True, allow_none=True, metadata={"description": "What it is; null for a new server."}
    )
    new = fields.Raw(required=True, allow_none=True)


class PlannedServer(Schema):
    """What becomes of one server."""

    entry = fields.String(required=True)
    id = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: it was not there before."}
    )
    name = fields.String(required=True)
    url = fields.String(required=True)
    action = fields.String(required=True, validate=validate.OneOf(("add", "change", "disable", "same")))
    changes = fields.List(fields.Nested(PlannedChange), required=True)
    disabled_reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it is added disabled, or disabled now."}
    )
    held_tokens = fields.Integer(required=True, metadata={"description": "People whose tokens that holds."})


class Skipped(Schema):
    """Something that is left out."""

    what = fields.String(required=True)
    why = fields.String(required=True)


class Asked(Schema):
    """Something that an entry leaves open."""

    key = fields.String(required=True, metadata={"description": "The name under which values answers it."})
    entry = fields.String(required=True)
    name = fields.String(required=True)
    header = fields.String(required=True, metadata={"description": "Its header; empty: the address."})
    description = fields.String(required=True)
    choices = fields.List(fields.String(), required=True)
    required = fields.Boolean(required=True, attribute="is_required")
    answer = fields.String(required=True, metadata={"description": "What it is filled in with, or empty."})
    source = fields.String(required=True, validate=validate.OneOf(("given", "kept", "default", "")))


class ImportPlan(Schema):
    """What an import did, or would do."""

    dry_run = fields.Boolean(required=True)
    plan = fields.String(required=True, metadata={"description": "Stands for everything that it does."})
    held_tokens = fields.Integer(required=True)
    added = fields.Integer(required=True)
    changed = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    servers = fields.List(fields.Nested(PlannedServer), required=True)
    skipped = fields.List(fields.Nested(Skipped), required=True)
    questions = fields.List(fields.Nested(Asked), required=True)


class ExportedCatalogue(Schema):
    """A list page of the registry. Imported, it changes nothing."""

    servers = fields.List(fields.Dict(), required=True)
    metadata = fields.Dict(required=True)
