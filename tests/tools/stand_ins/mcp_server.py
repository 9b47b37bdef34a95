"""A small real MCP server for the tests, made with the mcp package."""

import asyncio
import os
import signal
import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("small")
print("small server starts", file=sys.stderr)


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def fail(reason: str) -> str:
    """Raise."""
    raise ValueError(reason)


@server.tool()
def die(how: str) -> str:
    """End the server in the middle of a call."""
    print("last words", file=sys.stderr, flush=True)
    if how == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(7)


@server.tool()
async def hang() -> str:
    """Never answer."""
    await asyncio.Event().wait()
    return ""


@server.tool()
def big(size: int) -> str:
    """Return a long text."""
    return "x" * size


@server.tool(structured_output=False)
def picture() -> list:
    """Return a text and a picture."""
    from mcp.server.mcpserver import Image

    return ["look:", Image(data=b"\x89PNG", format="png")]


if "--stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server.run()
    while True:
        signal.pause()
server.run()
