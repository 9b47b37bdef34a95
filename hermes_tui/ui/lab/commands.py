"""The commands of the parser lab: its part of the command registry."""

from __future__ import annotations

from typing import Final

from hermes_tui.ui.command import Command, Situation, allows_any, has_problems

LAB = frozenset({"lab"})
GROUP: Final = "The parser lab"
HAND, RESTORE, DELTAS, REAL = "lab hand", "lab restore", "lab deltas", "lab real"
"""Entries of `Situation.legal` for what can be done in a lab."""


def _has_steps(situation: Situation) -> bool:
    return situation.rows > 1


def _may_fail(situation: Situation) -> bool:
    """Return whether there may be a failure to export.

    There may be if our parser has a finding or a failed step, and whenever a real engine is chosen:
    the reasons for its failures are unknown.
    """
    return has_problems(situation) or allows_any(REAL)(situation)


LAB_COMMANDS: Final[tuple[Command, ...]] = (
    Command("lab-step", "Step", ("s", "f11"), "s", LAB, "go to the very next step", GROUP, -9,
        _has_steps),
    Command("lab-next", "Next", ("space", "f10"), "space", LAB,
        "go to the next step, skipping what is inside this one", GROUP, -8, _has_steps),
    Command("lab-out", "Out", ("S", "shift+f11", "f23"), "S", LAB,
        "go to the end of the part that this step is in", GROUP, -3, _has_steps),
    Command("lab-failure", "Next failure", ("c", "f5", "right_curly_bracket"), "c", LAB,
        "go to the next step that failed or has a finding", GROUP, -7, has_problems),
    Command("lab-previous-failure", "Previous failure", ("left_curly_bracket",), "{", LAB,
        "go to the previous step that failed or has a finding", GROUP, 0, has_problems),
    Command("lab-back", "Back", ("less_than_sign",), "<", LAB, "go one step back", GROUP, 2,
        _has_steps),
    Command("lab-forward", "Forward", ("greater_than_sign",), ">", LAB, "go one step forward",
        GROUP, 0, _has_steps),
    Command("lab-open", "Go there", ("enter",), "Enter", LAB,
        "go to the place of a call or finding, or to the steps of a parser; apply an edit", GROUP,
        4),
    Command("lab-matrix", "Engines", ("m",), "m", LAB,
        "show how every engine and parser reads the text, differences marked", GROUP, -6),
    Command("lab-which", "Which parser?", ("W",), "W", LAB,
        "show which parser would have read this, and the server flag for it", GROUP, -5),
    Command("lab-parser", "Parser", ("p",), "p", LAB, "read the text with a parser by name", GROUP,
        3),
    Command("lab-edit", "Edit", ("e",), "e", LAB,
        "edit the text and watch the verdict; {clear} ends that", GROUP, -4),
    Command("lab-fixes", "Fixes", ("f",), "f", LAB,
        "show the smallest edits that make the parser read the calls; {lab-open} applies one",
        GROUP, -4),
    Command("lab-restore", "Restore", ("R",), "R", LAB, "restore the original text", GROUP, 1,
        allows_any(RESTORE)),
    Command("lab-hand", "Hand over", ("ctrl+s", "f2"), "ctrl+s", LAB,
        "in a live run stopped at this reply: use the edited text, or else the calls read from it",
        GROUP, -10, allows_any(HAND)),
    Command("lab-stream", "Stream", ("d",), "d", LAB,
        "replay the text in deltas through a real engine, and step delta by delta", GROUP, 5),
    Command("lab-larger", "Larger deltas", ("plus",), "+", LAB, "replay in larger deltas", GROUP, 5,
        allows_any(DELTAS)),
    Command("lab-smaller", "Smaller deltas", ("minus",), "-", LAB, "replay in smaller deltas",
        GROUP, 0, allows_any(DELTAS)),
    Command("lab-unit", "Characters/tokens", ("u",), "u", LAB,
        "count deltas in characters or in pseudo-tokens", GROUP, 6, allows_any(DELTAS)),
    Command("lab-sweep", "Sweep", ("X",), "X", LAB,
        "try every split into deltas: which ones change the result", GROUP, 5),
    Command("lab-copy", "Copy", ("y",), "y", LAB,
        "copy the text as it is now; in a list of parsers, the server's flag", GROUP, 6),
    Command("lab-reproduce", "Report", ("ctrl+r",), "ctrl+r", LAB,
        "write the smallest text that still fails, a bug report and a test into a folder", GROUP,
        -4, _may_fail),
    Command("lab-pane-1", "Text", ("1",), "1", LAB, "go to the text", GROUP),
    Command("lab-pane-2", "Steps", ("2",), "2", LAB,
        "go to the steps, or what is shown in their place", GROUP),
    Command("lab-pane-3", "Result", ("3",), "3", LAB, "go to calls, findings and verdict",
        GROUP),
)  # fmt: skip
