"""The text on the screen of a running app."""

from __future__ import annotations

from typing import Any

from textual.app import App


def screen_lines(app: App[Any]) -> list[str]:
    """Return the lines of the screen as drawn and filtered, without trailing blanks."""
    # App.export_screenshot uses this too, but offers no plain text.
    strips = app.screen._compositor.render_strips()
    return [strip.text.rstrip() for strip in strips]


def text_of(app: App[Any]) -> str:
    """Return the whole screen as drawn, as one string."""
    return "\n".join(screen_lines(app))
