"""An issue tracker as people know them: tools with arguments of each kind, and answers of each kind."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Literal

from mcp.server.mcpserver import Image

from app.mcp.demo_server import build_demo_server
from tests.mcp_servers.good import TOKEN

ISSUES = (
    (482, "Checkout total is wrong for two vouchers", "open", "Minji Kim", 14),
    (479, "Dark theme: the badge of a draft is hard to read", "open", "Jonas Weber", 3),
    (471, "Export of more than 10,000 rows times out", "open", "Amara Okafor", 22),
    (466, "검색어에 띄어쓰기가 있으면 결과가 나오지 않음", "open", "박서연", 5),
)


def tracker() -> Any:
    """The demo server with a tracker's tools. Wants `good.TOKEN`."""
    server = build_demo_server(TOKEN)

    @server.tool()
    def search_issues(
        query: str, state: Literal["open", "closed", "all"] = "open", limit: int = 20
    ) -> list[dict[str, Any]]:
        """Search issues by text; the newest first, with title, state, who works on it, and comments."""
        names = ("number", "title", "state", "assignee", "comments")
        return [dict(zip(names, issue, strict=True)) for issue in ISSUES][:limit]

    @server.tool()
    def get_project(key: str) -> dict[str, Any]:
        """Say all that there is to know of one project."""
        return {
            "key": key,
            "name": "Checkout",
            "lead": {"name": "Minji Kim", "email": "minji@example.com"},
            "labels": ["payments", "vouchers", "a11y"],
            "milestones": [{"name": "2.4", "due": "2026-12-11", "open": 12, "closed": 31}],
            "archived": False,
        }

    @server.tool()
    def burndown_chart(milestone: str) -> Image:
        """Draw how the open issues of a milestone have become fewer."""
        return Image(data=_chart(320, 120), format="png")

    return server.streamable_http_app()


def _chart(width: int, height: int) -> bytes:
    """Return a PNG of a line that falls from the left to the right."""
    rows = []
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            line = 10 + (height - 20) * x // width + (7 if x // 40 % 2 else 0)
            row += b"\x2f\x5b\xd0" if abs(y - line) < 2 else b"\xf7\xf7\xf5"
        rows.append(bytes(row))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
