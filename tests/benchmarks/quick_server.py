"""A chat server that answers immediately: N turns with a call each, then an answer.

    python -m tests.benchmarks.quick_server [TURNS]

Prints its URL. The number of `"role":"tool"` in a request gives its turn; nothing is decoded.
"""

from __future__ import annotations

import asyncio
import json
import sys

from tests.benchmarks.figures import command_line

TURNS = 200
ARGUMENTS = json.dumps({"text": "y" * 5_000})


def reply(turn: int, turns: int) -> bytes:
    message: dict[str, object] = {"role": "assistant", "content": "done"}
    if turn < turns:
        function = {"name": "echo", "arguments": ARGUMENTS}
        call = {"id": f"c{turn}", "type": "function", "function": function}
        message = {"role": "assistant", "content": "", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "quick",
        "choices": [choice],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    text = json.dumps(body).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(text) + text


async def serve(turns: int) -> None:
    replies = [reply(turn, turns) for turn in range(turns + 1)]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                results = body.count(b'"role":"tool"')
                writer.write(replies[min(results, turns)])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 24)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = command_line("quick_server", __doc__)
    parser.add_argument("turns", nargs="?", type=int, default=TURNS, metavar="TURNS")
    asyncio.run(serve(parser.parse_args().turns))
