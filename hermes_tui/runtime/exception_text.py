"""Exceptions of foreign code as text."""

from __future__ import annotations


def exception_text(error: BaseException) -> str:
    """Return `Type: message`, or the type alone if there is no message. Never raises."""
    name = type(error).__name__
    try:
        return f"{name}: {text}" if (text := str(error)) else name
    except BaseException as broken:  # noqa: BLE001 - a tool's own error class may do anything
        return f"{name} (its message cannot be read: {type(broken).__name__})"
