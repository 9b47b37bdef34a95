"""The settings of a live run from the command line, as plain values; imports little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hermes_tui.debugger.breakpoints import Breakpoint


KEY_NAME: Final = "OPENAI_API_KEY"
"""The environment variable with the API key unless another one is named."""
HEADER_NAMES: Final = "header_names"
"""The key of a recording's header names; their values, which may be secrets, are not kept."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may spend: seconds of requests and tools (stops do not count), and tokens."""

    time_s: float | None = None
    tokens: int | None = None

    def time_spent(self) -> dict[str, Any]:
        """Return the details of the end of a run that is out of time."""
        return {"budget": "time", "limit": self.time_s}

    def tokens_spent(self, spent: int) -> dict[str, Any]:
        """Return the details of the end of a run that is out of tokens."""
        return {"budget": "tokens", "limit": self.tokens, "spent": spent}


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Which server, and how to send requests. `api` is openai, http, managed, local or demo."""

    api: str = "openai"
    url: str = ""
    model: str = ""
    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 600.0
    stream: bool = False
    tokenizer: str = ""
    server_type: str = "vllm"
    tool_parser: str = "hermes"
    key_name: str = KEY_NAME
    """The environment variable that the API key is read from."""
    pace_s: float = 0.02
    """For `demo`: seconds per token."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """All settings of `hermes-tui live`."""

    server: ServerSettings = ServerSettings()
    origin: Mapping[str, Any] = field(default_factory=dict)
    """What a later --resume needs to find the server and tools again; it contains no secret."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the request body other than model, tools and messages; with `resume` only its
    credentials, which no recording holds."""
    messages: tuple[dict[str, Any], ...] = ()
    """The messages as they were saved; see `without_notes`."""
    task: str = ""
    tools: tuple[str, ...] = ()
    tool_timeout_s: float | None = None
    """The limit of each tool call; None: the tools' own limit."""
    workdir: Path | None = None
    outside: bool = False
    max_turns: int = 30
    mode: str = "strict"
    parser: str = "auto"
    retries: int = 0
    stops: str = "step"
    """step: before every call; run: only at mishaps; named: only at breakpoints."""
    breakpoints: tuple[Breakpoint, ...] = ()
    record: Path | None = None
    recorded: bool = True
    resume: Path | None = None
    replay: Path | None = None
    limits: Limits = NO_LIMITS
