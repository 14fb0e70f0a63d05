"""Large bodies: the few addresses that take a catalogue, and from admins alone, more than any form has."""

from __future__ import annotations

from typing import Final

from flask import request
from flask_login import current_user

#: The whole public registry is about 5 MB.
MAX_CATALOGUE_BYTES: Final = 8 * 1024 * 1024
#: As it comes back from a review, packed and written in ASCII, it may be a third longer.
MAX_BODY_BYTES: Final = 12 * 1024 * 1024
ENDPOINTS: Final = frozenset(
    {"admin.import_servers", "admin.import_reviewed", "api_admin_import.import_servers"}
)


def allow_catalogue() -> None:
    """Let an admin's catalogue in. To be asked after who it is, and before anybody reads the body."""
    if request.endpoint in ENDPOINTS and current_user.is_authenticated and current_user.is_admin:
        request.max_content_length = MAX_BODY_BYTES
        request.max_form_memory_size = MAX_BODY_BYTES
