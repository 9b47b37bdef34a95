"""What a person reads on the screen of a running app."""

from __future__ import annotations

from typing import Any

from textual.app import App


def screen_lines(app: App[Any]) -> list[str]:
    """Return the lines of the screen as drawn, filters applied, without blanks at the end."""
    # The picture that App.export_screenshot draws from, which has no plain-text form.
    strips = app.screen._compositor.render_strips()
    return [strip.text.rstrip() for strip in strips]


def text_of(app: App[Any]) -> str:
    """Return the whole screen as drawn, as one text."""
    return "\n".join(screen_lines(app))
