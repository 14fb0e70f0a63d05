"""A client that holds every answer to the rules of the house, those without a page among them."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.pages import SECURITY_HEADERS, Page, check_page

#: Answered by the framework, without a page.
WITHOUT_PAGE = {"HEAD", "OPTIONS"}
REDIRECTS = {301, 302, 303, 308}
#: Of so many pages one is looked at as a page: it takes as long as the request.
SHARE = 4


class FuzzClient(FlaskClient):
    """Reads and closes every answer, and checks its headers and some pages. For the canary see `tests.pages`.

    That one is not looked for here: its end is four hexadecimal digits, and of so many random request
    ids some begin with them.
    """

    _pages = 0

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request and check its answer."""
        answer = super().open(*args, **kwargs)
        text = answer.get_data(as_text=True)
        answer.close()
        missing = [name for name in SECURITY_HEADERS if name not in answer.headers]
        assert not missing, f"it lacks {missing}"
        is_page = answer.mimetype == "text/html" and answer.status_code not in REDIRECTS
        if is_page and kwargs.get("method") not in WITHOUT_PAGE:
            self._pages += 1
            if self._pages % SHARE == 1:
                check_page(Page(text))
        return answer

    def csrf_token_of(self, path: str) -> str:
        """Return the token of the form on a page that posts to itself."""
        return Page(self.get(path).get_data(as_text=True)).form(path).values["csrf_token"]
