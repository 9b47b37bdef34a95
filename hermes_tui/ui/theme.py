"""The look of the program: three themes, and the definition of each style name in them.

A meaning is never carried by colour alone: NO_COLOR shows the same table without its colours, and
an error is then still bold and reversed or underlined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from rich.style import Style
from textual.theme import Theme

DARK: Final = "hermes-dark"
LIGHT: Final = "hermes-light"
CONTRAST: Final = "hermes-contrast"

THEMES: Final = (
    Theme(
        name=DARK,
        primary="#7cb7ff", secondary="#8fa3bf", accent="#e0af68",
        warning="#f0c060", error="#ff8f8f", success="#8fd694",
        foreground="#d8dee6", background="#11151c", surface="#161b24", panel="#1e2530",
        dark=True,
    ),
    Theme(
        name=LIGHT,
        primary="#0550ae", secondary="#57606a", accent="#8a4600",
        warning="#7a5200", error="#b3001b", success="#116329",
        foreground="#1f2328", background="#fbfbfa", surface="#f3f3f1", panel="#e8e8e5",
        dark=False,
    ),
    Theme(
        name=CONTRAST,
        primary="#ffff00", secondary="#ffffff", accent="#00ffff",
        warning="#ffff00", error="#ff9090", success="#80ff80",
        foreground="#ffffff", background="#000000", surface="#000000", panel="#1a1a1a",
        dark=True, luminosity_spread=0, text_alpha=1.0,
    ),
)  # fmt: skip

# The part of each style that remains without colour, as a Rich style definition.
_ATTRIBUTES: Final = MappingProxyType({
    "": "", "text": "", "dim": "", "note": "italic", "warning": "bold underline",
    "error": "bold reverse underline", "success": "bold",
    "role.system": "", "role.user": "bold", "role.assistant": "bold", "role.tool": "",
    "role.other": "italic",
    "call": "bold", "result": "", "reasoning": "italic",
    "heading": "bold underline", "badge": "bold", "badge.bad": "bold reverse",
    "key": "bold", "string": "", "number": "", "literal": "",
    "match": "reverse", "match.current": "reverse underline",
    "cursor": "bold reverse", "cursor.blurred": "underline",
    "added": "underline", "removed": "strike", "partial": "italic", "mark": "bold",
    "strong": "bold", "hint": "italic", "code": "", "bar": "reverse", "bar.key": "bold reverse",
    "status": "", "stopped": "bold reverse", "damage": "bold reverse",
    "surprise.1": "italic", "surprise.2": "underline", "surprise.3": "bold underline",
    "masked": "dim", "hidden": "bold reverse italic",
    "lab.content": "", "lab.reasoning": "italic", "lab.call": "bold", "lab.name": "bold reverse",
    "lab.arguments": "bold italic", "lab.dropped": "strike", "lab.unread": "dim",
    "lab.here": "underline",
})  # fmt: skip

# Colour and attributes of each name; a name that is not here has only its attributes from above.
_DARK: Final = MappingProxyType({
    "dim": "#9ba6b5", "note": "italic #8fb4d8", "warning": "bold #f0c060", "error": "bold #ff8f8f",
    "success": "#8fd694",
    "role.system": "#c3a6ff", "role.user": "bold #8fd694", "role.assistant": "bold #7cb7ff",
    "role.tool": "#e0af68", "role.other": "italic #a8b3c2",
    "call": "bold #7fd9d9", "result": "#e0af68", "reasoning": "italic #b8a9e0",
    "heading": "bold #a8c7f0", "badge": "bold #a8c7f0", "badge.bad": "bold #ff8f8f",
    "key": "#7cb7ff", "string": "#a5d6a7", "number": "#f2b48a", "literal": "#d7a6ff",
    "match": "#11151c on #e0c068", "match.current": "bold underline #11151c on #ffa657",
    "cursor": "bold on #263449", "cursor.blurred": "on #212a38",
    "added": "#8fd694 underline", "removed": "#ff8f8f strike", "partial": "italic #f0c060",
    "mark": "bold #e0af68", "hint": "italic #b8c7a0", "code": "#b7d5c4",
    "bar": "#aeb9c7 on #1e2530", "bar.key": "bold #e0af68 on #1e2530", "status": "#9ba6b5",
    "stopped": "bold #11151c on #e0af68",
    "damage": "bold #11151c on #ff8f8f",
    "surprise.1": "italic #d9d08a", "surprise.2": "underline #f0b060",
    "surprise.3": "bold underline #ff9a9a", "masked": "#9ba6b5",
    "hidden": "bold italic #11151c on #d7a6ff",
    "lab.content": "#d8dee6", "lab.reasoning": "italic #b8a9e0", "lab.call": "bold #7fd9d9",
    "lab.name": "bold #11151c on #7fd9d9", "lab.arguments": "bold italic #e0c068",
    "lab.dropped": "strike #ff8f8f", "lab.unread": "#9ba6b5", "lab.here": "underline",
})  # fmt: skip
_LIGHT: Final = MappingProxyType({
    "dim": "#5c6570", "note": "italic #24557f", "warning": "bold #7a5200", "error": "bold #b3001b",
    "success": "#116329",
    "role.system": "#6639ba", "role.user": "bold #116329", "role.assistant": "bold #0550ae",
    "role.tool": "#8a4600", "role.other": "italic #57606a",
    "call": "bold #0b5c66", "result": "#8a4600", "reasoning": "italic #6b3fa0",
    "heading": "bold #1b3a66", "badge": "bold #1b3a66", "badge.bad": "bold #b3001b",
    "key": "#0550ae", "string": "#0b6623", "number": "#953800", "literal": "#6639ba",
    "match": "#1f2328 on #ffe08a", "match.current": "bold underline #1f2328 on #ffb454",
    "cursor": "bold on #d3e3f8", "cursor.blurred": "on #e6ebf1",
    "added": "#116329 underline", "removed": "#b3001b strike", "partial": "italic #7a5200",
    "mark": "bold #8a4600", "hint": "italic #4a5a20", "code": "#1f5a44",
    "bar": "#4a525c on #e8e8e5", "bar.key": "bold #8a4600 on #e8e8e5", "status": "#5c6570",
    "stopped": "bold #ffffff on #8a4600",
    "damage": "bold #ffffff on #b3001b",
    "surprise.1": "italic #5c5200", "surprise.2": "underline #8a4600",
    "surprise.3": "bold underline #a8001a", "masked": "#5c6570",
    "hidden": "bold italic #ffffff on #6639ba",
    "lab.content": "#1f2328", "lab.reasoning": "italic #6b3fa0", "lab.call": "bold #0b5c66",
    "lab.name": "bold #ffffff on #0b5c66", "lab.arguments": "bold italic #8a4600",
    "lab.dropped": "strike #b3001b", "lab.unread": "#5c6570", "lab.here": "underline",
})  # fmt: skip
_CONTRAST: Final = MappingProxyType({
    "dim": "#d0d0d0", "note": "italic #a0e0ff", "warning": "bold underline #ffff00",
    "error": "bold underline #000000 on #ffb0b0", "success": "bold #80ff80",
    "role.system": "#e0c0ff", "role.user": "bold #80ff80", "role.assistant": "bold #80d0ff",
    "role.tool": "#ffd080", "role.other": "italic #ffffff",
    "call": "bold #00ffff", "result": "#ffd080", "reasoning": "italic #e0c0ff",
    "heading": "bold underline #ffffff", "badge": "bold #ffffff",
    "badge.bad": "bold #000000 on #ffb0b0",
    "key": "bold #80d0ff", "string": "#a0ffa0", "number": "#ffd080", "literal": "#ffb0ff",
    "match": "#000000 on #ffff00", "match.current": "bold underline #000000 on #00ffff",
    "cursor": "bold #000000 on #ffffff", "cursor.blurred": "underline",
    "added": "underline #80ff80", "removed": "strike #ffb0b0", "partial": "italic #ffff00",
    "mark": "bold #ffff00", "hint": "italic #d0ffa0", "code": "#c0ffe0",
    "bar": "#ffffff on #1a1a1a", "bar.key": "bold #ffff00 on #1a1a1a", "status": "#d0d0d0",
    "stopped": "bold #000000 on #ffff00",
    "damage": "bold #000000 on #ffb0b0",
    "surprise.1": "italic #ffffb0", "surprise.2": "underline #ffd080",
    "surprise.3": "bold underline #ffb0b0", "masked": "#d0d0d0",
    "hidden": "bold italic #000000 on #ffb0ff",
    "lab.content": "#ffffff", "lab.reasoning": "italic #e0c0ff", "lab.call": "bold #00ffff",
    "lab.name": "bold #000000 on #00ffff", "lab.arguments": "bold italic #ffd080",
    "lab.dropped": "strike #ffb0b0", "lab.unread": "#d0d0d0", "lab.here": "underline",
})  # fmt: skip

_TABLES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {DARK: _DARK, LIGHT: _LIGHT, CONTRAST: _CONTRAST}
)

STYLE_NAMES: Final = tuple(_ATTRIBUTES)
_FEW_COLOURS: Final = MappingProxyType({"cursor": "bold reverse", "cursor.blurred": "underline"})
"""Styles on a terminal of 16 colours, where a cursor's background would be the grey of texts."""


@lru_cache(maxsize=8)
def styles_for(
    theme_name: str, no_color: bool = False, few_colours: bool = False
) -> Callable[[str], Style]:
    """Return the function from style name to style for a theme; an unknown theme looks dark.

    A dotted name that is not in the table has the style of the part before its last dot
    ("badge.object" → "badge"); if that is not in the table either, no style.
    """
    table = _ATTRIBUTES if no_color else {**_ATTRIBUTES, **_TABLES.get(theme_name, _DARK)}
    if few_colours:
        table = {**table, **_FEW_COLOURS}
    styles = {name: Style.parse(definition) for name, definition in table.items()}

    def resolve(name: str) -> Style:
        style = styles.get(name)
        if style is None:
            style = styles[name] = resolve(name.rpartition(".")[0])
        return style

    return resolve
