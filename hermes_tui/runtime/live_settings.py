"""What a live run was told on the command line, as plain settings; loads little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hermes_tui.debugger.breakpoints import Breakpoint


KEY_NAME: Final = "OPENAI_API_KEY"
"""The variable that the key is in unless another one is named."""
HEADER_NAMES: Final = "header_names"
"""Under this a recording keeps which headers were given; their values may be secrets."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may spend: seconds of requests and tools (stops do not count), and tokens."""

    time_s: float | None = None
    tokens: int | None = None

    def time_spent(self) -> dict[str, Any]:
        """Return what the end of a run that is out of time says of it."""
        return {"budget": "time", "limit": self.time_s}

    def tokens_spent(self, spent: int) -> dict[str, Any]:
        """Return what the end of a run that is out of tokens says of it."""
        return {"budget": "tokens", "limit": self.tokens, "spent": spent}


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Which server, and how it is asked. `api`: openai, http, managed, local or demo."""

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
    """The variable that the key is looked for in."""
    pace_s: float = 0.02
    """demo: seconds that a token takes."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Everything that `hermes-tui live` was told."""

    server: ServerSettings = ServerSettings()
    origin: Mapping[str, Any] = field(default_factory=dict)
    """What a later --resume needs to find server and tools again; holds no secret."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Of the request body, without model, tools and messages; with `resume` only the credentials
    in it, which no recording holds."""
    messages: tuple[dict[str, Any], ...] = ()
    """As they were saved; see `without_notes`."""
    task: str = ""
    tools: tuple[str, ...] = ()
    tool_timeout_s: float | None = None
    """Of any call; None: as the tools have it themselves."""
    workdir: Path | None = None
    outside: bool = False
    max_turns: int = 30
    mode: str = "strict"
    parser: str = "auto"
    retries: int = 0
    stops: str = "step"
    """step: before every call; run: at mishaps only; named: only where a breakpoint says so."""
    breakpoints: tuple[Breakpoint, ...] = ()
    record: Path | None = None
    recorded: bool = True
    resume: Path | None = None
    replay: Path | None = None
    limits: Limits = NO_LIMITS
