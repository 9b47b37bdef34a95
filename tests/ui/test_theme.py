"""Styles are readable and distinct in every theme, and without colours."""

import pytest
from rich.color import ColorSystem
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from hermes_tui.ui.lab.fates import Fate
from hermes_tui.ui.theme import CONTRAST, DARK, STYLE_NAMES, THEMES, styles_for
from tests.conftest import PROJECT
from tests.ui.opened import MEDIUM, app_on, settled, shows


def _contrast(theme: Theme, name: str, over: str) -> float:
    resolve = styles_for(theme.name)
    base = Style.parse(f"{theme.foreground} on {theme.background}")
    own, above = resolve(name), resolve(over)
    style = base + above + own if own.bgcolor else base + own + above
    colors = (style.color, style.bgcolor)
    lights = sorted(_luminance(Color.from_rich_color(color)) for color in colors)
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(color: Color) -> float:
    channels = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized
    ]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True))


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_style_has_enough_contrast_also_under_the_cursor(theme: Theme) -> None:
    least = 7.0 if "contrast" in theme.name else 4.5
    contrasts = {
        f"{name} under {over}": _contrast(theme, name, over)
        for name in STYLE_NAMES
        for over in ("", "cursor", "cursor.blurred")
    }
    assert {name: ratio for name, ratio in contrasts.items() if ratio < least} == {}


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_no_style_uses_the_dim_attribute(theme: Theme) -> None:
    resolve = styles_for(theme.name)
    assert [name for name in STYLE_NAMES if resolve(name).dim] == []


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_fate_looks_different_in_the_legend(theme: Theme) -> None:
    resolve = styles_for(theme.name)
    looks = {str(resolve("status") + resolve(fate.style_name)) for fate in Fate}
    assert len(looks) == len(Fate)


def test_without_colour_errors_and_cursor_still_differ_from_text() -> None:
    resolve = styles_for(DARK, no_color=True)
    assert all(resolve(name).color is resolve(name).bgcolor is None for name in STYLE_NAMES)
    distinct = ("text", "error", "warning", "match", "match.current", "cursor", "cursor.blurred")
    assert len({str(resolve(name)) for name in distinct}) == len(distinct)


def test_a_special_badge_looks_like_a_badge() -> None:
    resolve = styles_for(DARK)
    assert resolve("badge.object") == resolve("badge")
    assert resolve("no such name") == Style()


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("name", ["text", "dim", "error", "warning", "result", "badge.bad"])
def test_the_row_under_the_cursor_is_readable_in_sixteen_colours(theme: Theme, name: str) -> None:
    resolve = styles_for(theme.name, few_colours=True)
    base = Style.parse(f"{theme.foreground} on {theme.background}")
    style = base + resolve(name) + resolve("cursor")
    assert style.reverse
    shown = (color.downgrade(ColorSystem.STANDARD) for color in (style.color, style.bgcolor))
    lights = sorted(_luminance(Color(*color.get_truecolor())) for color in shown)
    assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 3.0


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
async def test_descriptions_in_the_palette_have_enough_contrast(
    theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    app = app_on(FAILED, theme=theme.name)
    async with app.run_test(size=MEDIUM) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await shows(pilot, "go back; on the first screen, quit", "Find an action")
        for part in ("back; on the first", "to the last row", "ind an action"):
            styles = [
                segment.style
                for strip in app.screen._compositor.render_strips()
                for segment in strip
                if part in segment.text and segment.style
            ]
            # The description under the cursor is also shown in full below the list.
            assert len(styles) == (2 if part == "back; on the first" else 1)
            for style in styles:
                assert _contrast_of(style) >= 4.5, part


def _contrast_of(style: Style) -> float:
    """Return the contrast ratio of a style's colours, as WCAG defines it."""
    assert not style.dim
    colors = (style.color, style.bgcolor)
    lights = sorted(_luminance(Color(*color.get_truecolor())) for color in colors if color)
    return (lights[1] + 0.05) / (lights[0] + 0.05)


FAILED = PROJECT / "transcripts" / "tool-errors.json"


@pytest.mark.parametrize("no_color", [False, True])
@pytest.mark.parametrize("keys", ["", "enter right_curly_bracket 5"])
async def test_nothing_blank_looks_like_an_error(
    keys: str, no_color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    app = app_on(FAILED, PROJECT / "transcripts" / "clean-run.json", theme=CONTRAST)
    error_style = app.style("error")
    async with app.run_test(size=MEDIUM) as pilot:
        await settled(pilot)
        await pilot.press(*keys.split())
        await settled(pilot)
        found = [
            segment.text
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style and _looks_like(segment.style, error_style)
        ]
    assert found
    assert [text for text in found if text[:1].isspace()] == []


def _looks_like(style: Style, error_style: Style) -> bool:
    """Return whether a style has the background, or the attributes, of the error style."""
    if error_style.bgcolor is not None:
        own = style.bgcolor
        return own is not None and own.get_truecolor() == error_style.bgcolor.get_truecolor()
    return bool(style.bold and style.reverse and style.underline)
