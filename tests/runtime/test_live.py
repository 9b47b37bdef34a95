"""A live run uses the settings it is given."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.runtime.live import open_server
from hermes_tui.runtime.live_settings import ServerSettings


async def test_the_time_limit_reaches_a_managed_server(monkeypatch: pytest.MonkeyPatch) -> None:
    received: dict[str, Any] = {}

    def make_server(url: str, **options: Any) -> object:
        received.update(options)
        return object()

    # The class itself needs atroposlib and a tokenizer; its own tests have them.
    monkeypatch.setattr("hermes_tui.runtime.servers.managed.ManagedServer", make_server)
    await open_server(ServerSettings(api="managed", url="http://h/v1", model="m", timeout_s=7.0))
    assert received["timeout_s"] == 7.0
