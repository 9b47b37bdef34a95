"""Whether the chat template of a server shows the model its tools.

llama.cpp's server accepts tools even if its template has no place for them, and leaves them out of
the prompt; what the template can do is in its `/props`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.runtime.servers.hints import Access, bearer
from hermes_tui.runtime.servers.urls import props_url

_TIMEOUT_S: Final = 3.0
_UNSEEN: Final = Diagnostic(
    Code.TOOLS_UNSEEN,
    Severity.WARNING,
    "the model did not see the tools: the chat template of this llama.cpp server leaves them out",
    hint="start llama-server with a template that has them: --chat-template-file FILE",
)


def is_llama_cpp(headers: Mapping[str, str]) -> bool:
    """Return whether the headers of a reply are those of llama.cpp's server."""
    return "llama.cpp" in headers.get("server", "")


async def template_findings(access: Access) -> tuple[Diagnostic, ...]:
    """Ask a llama.cpp server what its template can do; return a finding if it has no tools."""
    import httpx

    with suppress(httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError):
        async with asyncio.timeout(_TIMEOUT_S):
            props = await _props(access)
        capabilities = props.get("chat_template_caps") if isinstance(props, dict) else None
        if isinstance(capabilities, dict) and capabilities.get("supports_tools") is False:
            return (_UNSEEN,)
    return ()


async def _props(access: Access) -> Any:
    """Return what the server says about itself; raises any exception of httpx, or ValueError."""
    import httpx

    from hermes_tui.runtime.servers.http import new_client

    url = props_url(access.url)
    async with await asyncio.to_thread(new_client, httpx, url, _TIMEOUT_S) as client:
        answer = await client.get(url, headers=bearer(access))
    return answer.json()
