"""Quiet loggers: libraries that see bodies and headers say nothing, at no level."""

from __future__ import annotations

import logging

import pytest
from flask import Flask

from app import logs

SECRET = "tok_do-not-log-me-0123456789"


@pytest.mark.parametrize(
    "name",
    [
        "mcp.client.streamable_http",
        "mcp.client.sse",
        "mcp.client.session",
        "client",
        "httpx2",
        "httpcore2.http11",
        "anyio.streams.tls",
        "asyncio",
        "sse_starlette.sse",
    ],
)
def test_a_library_that_sees_bodies_is_not_heard(
    name: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    app = Flask(__name__)
    app.config["LOG_LEVEL"] = "DEBUG"
    logs.init_app(app)

    for level in (logging.DEBUG, logging.ERROR, logging.CRITICAL):
        logging.getLogger(name).log(level, "body: %s", SECRET)

    captured = capfd.readouterr()
    assert SECRET not in captured.out + captured.err + caplog.text
