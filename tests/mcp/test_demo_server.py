"""The demo server: few tools, each described, behind a token that it never says."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from app.mcp.client import call_tool, list_tools
from tests.mcp_servers import good
from tests.mcp_servers.running import Running


def test_every_tool_says_in_one_line_what_it_does(demo: Running) -> None:
    for tool in list_tools(demo.remote(good.TOKEN), demo.egress):
        assert tool.description.strip()
        assert "\n" not in tool.description.strip()


def test_whoami_says_whose_the_token_is_and_not_what_it_is(demo: Running) -> None:
    # Without the secret, so that it is the server that keeps it to itself.
    remote = demo.remote(good.TOKEN)
    unredacted = type(remote)(remote.address, remote.transport, remote.headers, None)

    result = call_tool(unredacted, demo.egress, "whoami", {})

    assert "demo person" in result.content[0]["text"]
    assert good.TOKEN not in repr(result)


def test_a_slow_call_holds_nobody_up(demo: Running) -> None:
    remote = demo.remote(good.TOKEN)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(call_tool, remote, demo.egress, "slow", {"seconds": 2})
        time.sleep(0.3)
        call_tool(remote, demo.egress, "whoami", {})

        assert not slow.done()
        assert slow.result().is_error is False
