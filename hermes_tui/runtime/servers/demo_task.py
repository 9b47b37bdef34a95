"""The content of the demo: its task, its small project, and hints for its stop points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

DEMO_MODEL: Final = "demo"
DEMO_TOOLS: Final = ("terminal", "read_file", "write_file", "todo")
DEMO_SYSTEM: Final = (
    "You are a careful programmer. You work in the current folder with the tools that you have. "
    "Look before you change anything, and check what you changed."
)
DEMO_TASK: Final = (
    "duration.py reads durations such as 1h30m, but `python3 check.py` says that it gets some of "
    "them wrong. Find out why, correct duration.py and show that all checks pass."
)

CHECK_COMMAND: Final = "python3 check.py"
PASSED: Final = "5 of 5 checks pass"

_README = """\
# duration

`seconds(text)` in duration.py turns a duration into seconds: "45s", "2m", "1h", "1h30m".
The units are h, m and s. Any other text raises ValueError.

`python3 check.py` tries five texts and says how many come out right.
"""

_BROKEN = '''\
"""Durations such as 1h30m, in seconds."""

import re

UNITS = {"h": 60, "m": 60, "s": 1}


def seconds(text):
    total = 0
    for number, unit in re.findall(r"(\\d+)([hms])", text):
        total += int(number) * UNITS[unit]
    return total
'''

CORRECTED: Final = '''\
"""Durations such as 1h30m, in seconds."""

import re

UNITS = {"h": 3600, "m": 60, "s": 1}


def seconds(text):
    """Return the seconds that `text` stands for; raise ValueError where it is no duration."""
    if not re.fullmatch(r"(\\d+[hms])+", text):
        raise ValueError(f"no duration: {text!r}")
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\\d+)([hms])", text))
'''

_CHECK = """\
import sys

sys.dont_write_bytecode = True  # a corrected duration.py counts at once

from duration import seconds

CASES = [("45s", 45), ("2m", 120), ("1h", 3600), ("1h30m", 5400), ("soon", ValueError)]


def outcome(text):
    try:
        return seconds(text)
    except ValueError:
        return ValueError


wrong = [(text, outcome(text), due) for text, due in CASES if outcome(text) != due]
for text, got, due in wrong:
    print(f"{text}: got {got}, expected {due}")
print(f"{len(CASES) - len(wrong)} of {len(CASES)} checks pass")
sys.exit(bool(wrong))
"""

FILES: Final[Mapping[str, str]] = MappingProxyType(
    {"README.md": _README, "duration.py": _BROKEN, "check.py": _CHECK}
)


def prepare_workdir(path: Path) -> None:
    """Write the files of the task into the folder `path`, which is created if it is missing."""
    path.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (path / name).write_text(text, "utf-8")


HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "before_request": "The next request is ready. {continue} sends it.",
        "after_response": "The reply was read; {pane-3} shows its calls. {step-in} steps on.",
        "after_parse": (
            "The reply was read; {pane-3} shows its calls. {next} continues to the first."
        ),
        "before_dispatch": (
            "Nothing ran yet: {continue} runs the tool, {edit} edits the call, {answer} answers it."
        ),
        "before_dispatch@1": (
            "The next call of the same reply. {next} runs it, then asks the model."
        ),
        "before_dispatch@1.1": "The model wants to run a tool; nothing ran yet. {next} runs it.",
        "before_dispatch@2": (
            "This call has no id ({pane-3}: calls, {pane-6}: raw). {step-in} runs it and stops at "
            "its result."
        ),
        "before_dispatch@5": ("The second call's arguments are encoded twice. {next} goes to it."),
        "before_dispatch@7": (
            "{breakpoint} sets a breakpoint here, {breakpoints} lists them; {back-in-time} "
            "{on-in-time} look back, undoing nothing."
        ),
        "before_dispatch@8": (
            "The call runs after all: its arguments were complete. {continue} runs it."
        ),
        "after_result": (
            "The tool answered. {edit-result} edits what the model will see; {continue} continues."
        ),
        "after_result@2": (
            "The real result. {edit-result} edits what the model will see of it; {continue} "
            "continues."
        ),
        "unknown_tool": (
            "There is no such tool. {edit} corrects the name; {continue} tells the model instead."
        ),
        "unknown_tool@3": (
            "There is no read_fil. {edit} lets you write read_file; {continue} tells the model "
            "instead."
        ),
        "invalid_args": (
            "These arguments are not JSON. {edit} corrects them; {continue} tells the model."
        ),
        "invalid_args@4": (
            "An extra comma: not JSON. {edit} lets you remove it; {continue} tells the model "
            "instead."
        ),
        "invalid_args@5": (
            "Encoded twice. {continue} gives the tool the decoded arguments, {edit} edits them."
        ),
        "invalid_args@6": (
            "Cut off in mid-string. {fork} forks here to try both ways; {continue} tells the model."
        ),
        "invalid_args@8": (
            "Read from the text though unclosed. {edit} corrects it; {continue} tells the model."
        ),
        "truncated": (
            "The reply was cut off at its token limit. {retry} asks again; {continue} continues "
            "with it."
        ),
        "truncated@6": (
            "Cut off (finish_reason length). {retry} retries, max_tokens 400 helps; {continue} "
            "continues."
        ),
        "parse_failure": (
            "A call is left in the text, unread. {edit} repairs it; {continue} continues."
        ),
        "parse_failure@8": (
            "An unclosed call: many loops end here. {edit} lets you close it; {continue} accepts "
            "it."
        ),
        "tool_error": (
            "The tool failed. {edit-result} edits what the model sees; {continue} continues."
        ),
        "manual": "A person answers for this tool. {answer} opens a field for the result.",
        "repeat": (
            "The same call with the same arguments. {answer} lets you answer it; {continue} runs "
            "it."
        ),
        "request_failed": "No usable reply. {retry} asks again; {continue} ends the run.",
        "turn_end": "The turn is over: every call has its result. {continue} asks the model again.",
        "run_end": (
            "The end. {next-problem} jumps to the next problem, {help} lists the keys, {back} "
            "leaves."
        ),
        "edited": (
            "Changed; nothing has been sent or run yet: {continue} uses it, {edit} edits it again."
        ),
        "ended": (
            "The end. {next-problem} goes to a problem, {back-in-time} looks back, {fork} forks "
            "from a row, {back} leaves."
        ),
        "divergence": ("The replay diverges from the recording; {continue} answers as recorded."),
    }
)
"""Hints for a first-time user, by stop point. `point@turn` is for a turn with something to show,
`point@turn.call` for such a call; `edited` applies after an edit at a stop, `ended` at the end of
the run. Commands of the screen are in braces, which are replaced by their keys. For a stop without
a hint, such as `recovery`, the screen shows the same advice as in any run."""
