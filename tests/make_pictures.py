"""Draw the picture in the README, by the program itself: `python -m tests.make_pictures`."""

from __future__ import annotations

import asyncio
import re
from contextlib import chdir
from pathlib import Path

from hermes_tui.ui.app import HermesApp
from tests.ui.opened import app_on, settled

PROJECT = Path(__file__).resolve().parents[1]
PICTURE = PROJECT / ".pictures" / "run-screen.svg"
SIZE = (144, 34)
FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'

_FONT_FACE = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)


async def run_screen_picture(app: HermesApp) -> str:
    """Return the run screen as SVG: at the first problem, the calls pane in focus."""
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("right_curly_bracket", "3")
        await settled(pilot)
        return with_local_fonts(app.export_screenshot(title="hermes-tui open"))


def with_local_fonts(svg: str) -> str:
    """Return the picture without the fonts that a viewer would have to fetch from elsewhere."""
    local = _FONT_FACE.sub("", svg).replace("Fira Code, monospace", FONTS)
    return "\n".join(line.rstrip() for line in local.splitlines()) + "\n"


def main() -> None:
    with chdir(PROJECT):
        app = app_on(Path("transcripts/call-left-in-content.jsonl"))
        svg = asyncio.run(run_screen_picture(app))
        app.feed.close()
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg, "utf-8")
    print(PICTURE.relative_to(PROJECT))


if __name__ == "__main__":
    main()
