"""What the panes show of a reply that is still being received."""

from __future__ import annotations

import pytest

from hermes_tui.runtime.partial_reply import Partial
from hermes_tui.runtime.servers.base import Piece
from hermes_tui.ui.render.streaming import streamed_page


@pytest.mark.parametrize("pane", ["message", "calls"])
def test_among_very_many_streamed_calls_the_last_are_shown(pane: str) -> None:
    partial = Partial()
    for call in range(5_000):
        partial.add(Piece("call", f"tool-{call} ", call))
        partial.add(Piece("arguments", f'{{"n": {call}}}', call))
    page = streamed_page(pane, partial)
    assert page is not None
    assert len(page.lines) < 100
    assert "… 4,980 calls before these" in page.text
    assert "tool-4979 " not in page.text and "tool-4980 " in page.text
    assert '{"n": 4999}' in page.text
