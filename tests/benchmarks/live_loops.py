"""Loops against a server that answers immediately, as whole processes; prints figures as JSON.

python -m tests.benchmarks.live_loops bare|ours|many URL FOLDER
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import command_line

RESULT = "z" * 5_000
TOOL = {
    "type": "function",
    "function": {
        "name": "echo",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
}
FIRST = {"role": "user", "content": "go"}
MANY = 89


async def bare(url: str) -> int:
    """Run a plain loop over the SDK; return the number of turns."""
    import openai

    client = openai.AsyncOpenAI(base_url=url, api_key="none")
    messages: list[Any] = [dict(FIRST)]
    turns = 0
    tools: Any = [TOOL]
    while True:
        turns += 1
        response = await client.chat.completions.create(
            model="quick", messages=messages, tools=tools, n=1, temperature=1.0
        )
        message = response.choices[0].message
        calls: Any = message.tool_calls
        if not calls:
            return turns
        asked = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ]
        messages.append({"role": "assistant", "content": "", "tool_calls": asked})
        for call in calls:
            json.loads(call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULT})


async def ours(server: Any, record: Path) -> int:
    """Run the loop with recording and without breakpoints; return the number of turns."""
    from hermes_tui.debugger.inputs import Start
    from hermes_tui.model.events import RequestSent
    from hermes_tui.runtime.driver import Driver
    from hermes_tui.runtime.tools.handler import HandlerToolbox
    from hermes_tui.runtime.writer import Recording

    async def echo(name: str, arguments: Any, *, task_id: str, user_task: str) -> str:
        return RESULT

    tools = HandlerToolbox((TOOL,), echo)
    async with Driver(server, tools, recording=Recording(record)) as driver:
        parameters = {"model": "quick", "n": 1, "temperature": 1.0, "tools": [TOOL]}
        driver.put(
            Start(
                (FIRST,),
                tools=tools.specs,
                parameters=parameters,
                parser="auto",
                max_turns=10_000,
                stop_points=frozenset(),
            )
        )
        await driver.at_rest()
        return sum(isinstance(event, RequestSent) for event in driver.log)


async def timed(work: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = await work
    return time.perf_counter() - began, result


async def main(mode: str, url: str, folder: Path) -> dict[str, float]:
    if mode == "bare":
        seconds, turns = await timed(bare(url))
        return {"seconds": seconds, "turns": turns}
    from hermes_tui.runtime.servers.openai_sdk import OpenAIServer

    server = OpenAIServer(url, api_key="none")
    if mode == "ours":
        seconds, turns = await timed(ours(server, folder / "run.jsonl"))
        await server.close()
        return {"seconds": seconds, "turns": turns}
    runs = [timed(ours(server, folder / f"{n}.jsonl")) for n in range(MANY)]
    times = sorted(seconds for seconds, _ in await asyncio.gather(*runs))
    await server.close()
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"slowest": times[-1], "median": times[MANY // 2], "memory_mb": memory_mb}


if __name__ == "__main__":
    parser = command_line("live_loops", __doc__)
    parser.add_argument("mode", choices=("bare", "ours", "many"))
    parser.add_argument("url", metavar="URL")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    print(json.dumps(asyncio.run(main(**vars(parser.parse_args())))))
