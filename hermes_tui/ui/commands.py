"""The registry of all commands: their ids, labels, keys, screens, and when they are enabled.

Bindings, the key bar, the palette, the help screen and the keymap file are all derived from it. No
key has two meanings on one screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from operator import attrgetter

from hermes_tui.ui.command import Command, Enabled, Situation, allows_any, has_problems
from hermes_tui.ui.dialog_keys import DialogKey
from hermes_tui.ui.key_spelling import key_name
from hermes_tui.ui.lab.commands import LAB, LAB_COMMANDS

LIVE = frozenset({"live"})
"""The screen of a live run: it has every command of the run screen, and more."""
RUN = frozenset({"run"}) | LIVE
RUNS = frozenset({"runs"})
DEBUG = "Debugging a live run"
CANCEL = "cancel"
"""The entry in `Situation.legal` for cancelling a request or tool that is running.

The other entries are the inputs that the live run accepts now.
"""
BOTH = RUN | RUNS
"""The run screens and the list of runs."""
HELP = frozenset({"help"})
EVERYWHERE = BOTH | LAB | HELP
COMPARED = RUNS | {"run"}
"""The screens on which a run can be chosen for a comparison."""
READING = RUN | LAB
"""The screens on which texts are read and searched."""
PANES = READING | RUNS
"""The screens with several panes."""


_is_linked: Enabled = attrgetter("linked")
_is_searching: Enabled = attrgetter("searching")
_is_filtered: Enabled = attrgetter("filtered")
_has_gold_failure: Enabled = attrgetter("gold")
_has_families: Enabled = attrgetter("families")
_has_folds: Enabled = attrgetter("folds")
_is_loading: Enabled = attrgetter("loading")
_is_live: Enabled = attrgetter("live")


def _has_rows(situation: Situation) -> bool:
    return situation.rows > 0


def _has_runs(situation: Situation) -> bool:
    # A filter that matches no run can still be changed in the panes next to the list.
    return situation.rows > 0 or situation.filtered


def _has_runs_to_count(situation: Situation) -> bool:
    # In a pane without bars, the key that opened it closes it.
    return situation.runs > 0 or _has_runs(situation)


def _has_calls(situation: Situation) -> bool:
    return situation.calls > 0


def _has_several_runs(situation: Situation) -> bool:
    return situation.runs > 1


def _can_step(situation: Situation) -> bool:
    return "resume" in situation.legal and not situation.failed


def _can_look_back(situation: Situation) -> bool:
    return situation.live and situation.rows > 1


def _has_several_branches(situation: Situation) -> bool:
    return situation.branches > 1


SCOPES = ("run", "runs", "live", "lab", "help")
COMMANDS: tuple[Command, ...] = (
    # Moving
    Command("down", "Down", ("j", "down"), "j ↓", EVERYWHERE, "move down a row or line",
        "Move"),
    Command("up", "Up", ("k", "up"), "k ↑", EVERYWHERE, "move up a row or line", "Move"),
    Command("page-down", "Page down", ("pagedown", "ctrl+d", "ctrl+f"), "PgDn", EVERYWHERE,
        "move down a page", "Move"),
    Command("page-up", "Page up", ("pageup", "ctrl+u", "ctrl+b"), "PgUp", EVERYWHERE,
        "move up a page", "Move"),
    Command("help-page", "Page down", ("space",), "space", HELP,
        "move down a page of the help", "Move", 1),
    Command("top", "Top", ("g", "home"), "g", EVERYWHERE, "go to the first row or line",
        "Move"),
    Command("bottom", "Bottom", ("G", "end"), "G", EVERYWHERE,
        "go to the last row; in a growing file, stay there", "Move"),
    Command("open", "Open", ("enter",), "Enter", BOTH,
        "open the run; choose the bar's runs; go to the tool error; show the row in its own pane,\n"
        "an assistant's message in the parser lab",
        "Move", 1, _has_rows),
    Command("next-call", "Next call", ("right_square_bracket",), "]", RUN,
        "go to the next tool call", "Move", 5, _has_calls),
    Command("previous-call", "Previous call", ("left_square_bracket",), "[", RUN,
        "go to the previous tool call", "Move", 0, _has_calls),
    Command("next-turn", "Next turn", ("right_parenthesis",), ")", RUN, "go to the next turn",
        "Move", 0, _has_rows),
    Command("previous-turn", "Previous turn", ("left_parenthesis",), "(", RUN,
        "go to the previous turn", "Move", 0, _has_rows),
    Command("next-problem", "Next problem", ("right_curly_bracket",), "}", RUN,
        "go to the next error or warning", "Move", 4, has_problems),
    Command("previous-problem", "Previous problem", ("left_curly_bracket",), "{", RUN,
        "go to the previous error or warning", "Move", 0, has_problems),
    Command("gold", "Where it went wrong", ("exclamation_mark",), "!", RUN,
        "go to the message where reviewers saw the run go wrong, if the file says so", "Move", 3,
        _has_gold_failure),
    Command("next-run", "Next run", ("L",), "L", RUN, "go to the next run of the list", "Move", 8,
        _has_several_runs),
    Command("previous-run", "Previous run", ("H",), "H", RUN, "go to the previous run of the list",
        "Move", 0, _has_several_runs),
    Command("pair", "Call ⇄ result", ("percent_sign",), "%", RUN,
        "go from a call to its result, or back", "Move", 7, _is_linked),
    Command("mark", "Mark", ("m",), "m", RUN, "mark this row with a letter", "Move", 0, _has_rows),
    Command("to-mark", "Go to mark", ("apostrophe",), "'", RUN,
        "go to the row marked with a letter", "Move", 0, _has_rows),
    Command("go-to", "Go to …", ("colon",), ":", BOTH,
        "go to a row or run by number, `50%` of the way; in a run `t3` turn, `s12` event", "Move",
        0, _has_rows),
    # Searching, filtering, grouping
    Command("search", "Search", ("slash",), "/", EVERYWHERE,
        "search all texts (F2 in the prompt: regular expression, F3: match case);\n"
        "in the list of runs: file, id, task, model, status, codes; F4: all their texts;\n"
        "in facets: the names of the bars",
        "Find", 2),
    Command("search-next", "Next match", ("n",), "n", EVERYWHERE, "go to the next match", "Find", 3,
        _is_searching),
    Command("search-previous", "Previous match", ("N",), "N", EVERYWHERE,
        "go to the previous match", "Find", 0, _is_searching),
    Command("filter", "Filter", ("f",), "f", BOTH, "show only what an expression matches", "Find",
        6),
    Command("unfilter", "Show all", ("u",), "u", BOTH,
        "drop the filter, or bring back one that was dropped to show a row", "Find", 3,
        _is_filtered),
    Command("hide-events", "Hide events", ("full_stop",), ".", RUN,
        "hide all but messages, calls, results and findings; again: show everything",
        "Find", 0, _has_runs),
    Command("clear", "Clear", ("escape",), "Esc", EVERYWHERE,
        "close the prompt, then drop search, filter, zoom; close the help", "Find"),
    Command("sort", "Sort", ("o",), "o", RUNS, "sort by the next column", "Find", 4, _has_rows),
    Command("sort-reverse", "Reverse", ("O",), "O", RUNS, "reverse the sort order", "Find", 0,
        _has_rows),
    Command("facets", "Facets", ("F",), "F", RUNS,
        "count runs by diagnostics, tools, models, status …; {open} chooses the runs of a bar",
        "Find", 5, _has_runs_to_count),
    Command("histogram", "Histogram", ("h",), "h", RUNS,
        "histogram of turns; again: of messages, calls, reward, scores …; {open} as in facets",
        "Find", 7, _has_runs_to_count),
    Command("group", "Group", ("b",), "b", RUNS,
        "group by the next field that tells runs apart: diagnostics, status, model, task, file …",
        "Find", 8, _has_rows),
    Command("group-back", "Group back", ("B",), "B", RUNS, "group by the previous field", "Find",
        0, _has_rows),
    Command("fold", "Fold", ("space",), "space", RUNS,
        "fold or unfold the group, or the runs below this one", "Find", 9, _has_folds),
    Command("fold-all", "Fold all", ("Z",), "Z", RUNS, "fold all groups or parents, or unfold all",
        "Find", 0, _has_folds),
    Command("tree", "Tree", ("t",), "t", RUNS,
        "show child runs below the run that started them, or sorted like all others", "Find", 10,
        _has_families),
    # Viewing
    Command("pane-1", "Timeline", ("1",), "1", RUN, "show the timeline", "Look"),
    Command("pane-2", "Message", ("2",), "2", RUN, "show the message", "Look"),
    Command("pane-3", "Calls", ("3",), "3", RUN, "show the tool calls of the turn", "Look"),
    Command("pane-4", "Reasoning", ("4",), "4", RUN, "show the reasoning", "Look"),
    Command("pane-5", "Tool errors", ("5",), "5", RUN, "show the tool errors of the run",
        "Look"),
    Command("pane-6", "Raw", ("6",), "6", RUN, "show the record's exact JSON", "Look"),
    Command("pane-7", "Tokens", ("7",), "7", RUN,
        "show the tokens of the reply: how likely each was, what is trained, what the server hid",
        "Look"),
    Command("pane-8", "Metadata", ("8",), "8", RUN,
        "show everything else in the file: outcome, totals, tools, parent and child runs",
        "Look"),
    Command("next-pane", "Next pane", ("tab",), "Tab", PANES,
        "go to the next pane", "Look", 9),
    Command("previous-pane", "Previous pane", ("shift+tab",), "shift+Tab", PANES,
        "go to the previous pane", "Look"),
    Command("zoom", "Zoom", ("z",), "z", RUN, "give the pane the whole screen, and back", "Look",
        10),
    Command("view", "View", ("v",), "v", RUN,
        "show the message as plain text, Markdown or JSON", "Look", 11),
    Command("raw-beside", "Raw values", ("r",), "r", RUN,
        "show the raw values of calls next to the normalised ones, differences marked", "Look", 12),
    Command("wrap", "Wrap", ("w",), "w", READING, "wrap long lines or cut them", "Look"),
    Command("theme", "Theme", ("T",), "T", BOTH | LAB,
        "switch between dark, light and high contrast", "Look"),
    Command("lab", "Parser lab", ("P",), "P", RUN,
        "step through how a parser reads the assistant's text, and compare engines",
        "Look", 8, _has_rows),
    Command("compare", "Compare", ("d",), "d", COMPARED,
        "compare two runs: press it on one, then on the other", "Look", 9, _has_several_runs),
    # Copying and exporting
    Command("copy", "Copy", ("y",), "y", BOTH,
        "copy what is selected; again: the values of a call, a request as a curl command",
        "Copy and export", 13, _has_rows),
    Command("copy-place", "Copy command", ("Y",), "Y", COMPARED,
        "copy the command that opens the run at this message, to pass it on", "Copy and export", 0,
        _has_rows),
    Command("pager", "Pager", ("vertical_line",), "|", READING, "open the pane in $PAGER",
        "Copy and export"),
    # The program
    Command("cancel", "Stop", ("ctrl+x",), "ctrl+x", BOTH - LIVE,
        "stop searching, or reading the rest of the files", "Program", 3, _is_loading),
    Command("help", "Help", ("question_mark", "f1"), "?", BOTH | LAB, "show keys and expressions",
        "Program", 14),
    Command("help-close", "Close", ("question_mark", "f1"), "?", HELP, "close the help", "Program",
        14),
    Command("palette", "All actions", ("ctrl+p",), "ctrl+p", BOTH | LAB, "find any action by name",
        "Program"),
    Command("suspend", "Suspend", ("ctrl+z",), "ctrl+z", EVERYWHERE,
        "go back to the shell; `fg` returns here", "Program"),
    Command("back", "Back", ("q",), "q", EVERYWHERE, "go back; on the first screen, quit",
        "Program", 15),
    # Debugging
    Command("next", "Next", ("space", "f10"), "space", LIVE,
        "continue to the next stop of the same kind (call, result …), or any that comes first",
        DEBUG, -9, _can_step),
    Command("continue", "Continue", ("c", "f5"), "c", LIVE,
        "continue to the next breakpoint or enabled stop point", DEBUG, -8, allows_any("resume")),
    Command("step-in", "Step", ("s", "f11"), "s", LIVE,
        "continue to the very next stop point, on or off", DEBUG, -7, _can_step),
    Command("step-out", "End of turn", ("S", "t", "shift+f11", "f23"), "S", LIVE,
        "continue to the end of the turn; calls of a new reply still stop", DEBUG, -5,
        _can_step),
    Command("run-on", "Run on", ("C",), "C", LIVE,
        "continue without stopping before every call", DEBUG, 0, _can_step),
    Command("pause", "Pause", ("p",), "p", LIVE, "stop at the next stop point, on or off", DEBUG,
        -9, allows_any("pause")),
    Command("cancel-current", "Cancel", ("ctrl+x",), "ctrl+x", LIVE,
        "cancel the running request or tool: it fails, and the run stops there",
        DEBUG, -8, allows_any(CANCEL)),
    Command("edit", "Edit", ("e",), "e", LIVE,
        "edit the call (name, arguments), the reply's text, or a message about to be sent", DEBUG,
        -6, allows_any("edit", "edit text", "edit message")),
    Command("answer", "Answer", ("x",), "x", LIVE,
        "answer the call yourself, with a result or an error, instead of its tool", DEBUG, -6,
        allows_any("skip")),
    Command("edit-result", "Edit result", ("E",), "E", LIVE,
        "edit the tool's result before the model sees it", DEBUG, -7, allows_any("substitute")),
    Command("drop-call", "Drop", ("d",), "d", LIVE,
        "remove the call from the reply: the model will not know that it made it", DEBUG, -1,
        allows_any("drop")),
    Command("add-call", "Add call", ("a",), "a", LIVE, "add a call after those of the reply",
        DEBUG, 3, allows_any("add")),
    Command("retry", "Retry", ("R",), "R", LIVE,
        "ask the model again, with other parameters if you like; or run the tool again", DEBUG, -5,
        allows_any("retry")),
    Command("fork", "Fork", ("F",), "F", LIVE,
        "start a new branch with the same past, up to the row under the cursor", DEBUG, -4,
        _is_live),
    Command("branches", "Branches", ("D",), "D", LIVE,
        "list the branches of the run: go to one, compare them", DEBUG, -3, _has_several_branches),
    Command("breakpoint", "Breakpoint", ("b", "f9"), "b", LIVE,
        "set a breakpoint for what is under the cursor", DEBUG, -3, allows_any("set breakpoints")),
    Command("breakpoints", "Breakpoints", ("B",), "B", LIVE,
        "list, switch and edit breakpoints and stop points",
        DEBUG, -2, allows_any("set breakpoints")),
    Command("back-in-time", "Back", ("less_than_sign",), "<", LIVE,
        "look at what happened before; nothing is undone", DEBUG, 4, _can_look_back),
    Command("on-in-time", "Forward", ("greater_than_sign",), ">", LIVE,
        "look at what happened next; at the end, go live again", DEBUG, 0, _can_look_back),
    Command("recording", "Recording", ("i",), "i", LIVE, "show where the run is recorded", DEBUG, 0,
        _is_live),
    Command("end-run", "End the run", ("ctrl+t",), "ctrl+t", LIVE, "end the run for good", DEBUG,
        -1, allows_any("terminate")),
    Command("interrupt", "Interrupt", ("ctrl+c",), "ctrl+c", LIVE,
        "pause a running run; pressed again, leave", DEBUG),
    *LAB_COMMANDS,
)  # fmt: skip

_REPLY_RANKS = {"lab": -5, "step-out": -4}
"""Ranks in the key bar while a run is stopped at a reply because of an error in the reply."""
_FAILED_RANKS = {"retry": -9, "edit": -8, "continue": -7, "end-run": 0}
"""Ranks in the key bar while a run is stopped at a failed request."""
_STOPS_FIRST_RANKS = {"run-on": -8}
"""Ranks in the key bar while the run stops at every call before it reaches a breakpoint."""
_BUSY_RANKS = {"end-run": -7}
"""Ranks in the key bar while a request or a tool is running and may hang."""
_PAST_RANKS = {"on-in-time": -10}
"""Ranks in the key bar while a person looks at an earlier place of a live run."""
_CHOOSING_RANKS = {"lab-open": -11}
"""Ranks in the key bar while a row of a list can be chosen."""

BY_ID = {command.id: command for command in COMMANDS}


@cache
def in_scope(scope: str) -> tuple[Command, ...]:
    """Return the commands of one screen, in registry order."""
    return tuple(command for command in COMMANDS if scope in command.scopes)


def bar_entries(
    scope: str, situation: Situation, keymap: dict[str, str]
) -> list[tuple[str, str, str]]:
    """Return (id, key, label) of the key bar's commands: those enabled now, most useful first."""
    ranked = sorted(
        (item for item in in_scope(scope) if _rank(item, situation) and item.enabled(situation)),
        key=lambda command: _rank(command, situation),
    )
    return [(item.id, shown_key(item, keymap), _label(item, situation)) for item in ranked]


def _rank(command: Command, situation: Situation) -> int:
    """Return a command's rank in the key bar, lowest first; 0 leaves it out."""
    ranks = _REPLY_RANKS if situation.flawed else _BUSY_RANKS if CANCEL in situation.legal else {}
    ranks = _FAILED_RANKS if situation.failed else _CHOOSING_RANKS if situation.enter else ranks
    if situation.past and command.id in _PAST_RANKS:
        return _PAST_RANKS[command.id]
    if situation.stops_first and command.id in _STOPS_FIRST_RANKS:
        return _STOPS_FIRST_RANKS[command.id]
    return ranks.get(command.id, command.bar)


def _label(command: Command, situation: Situation) -> str:
    if command.id == "continue" and situation.failed:
        return BY_ID["end-run"].label
    return (situation.enter if command.id in ("open", "lab-open") else "") or command.label


def shown_key(command: Command | DialogKey, keymap: Mapping[str, str]) -> str:
    """Return the key as a person reads it, remapped or not."""
    return keymap.get(command.id, command.shown)


def all_keys(command: Command, keymap: Mapping[str, str]) -> str:
    """Return the key as a person reads it, followed by the equivalent function keys."""
    if command.id in keymap:
        return keymap[command.id]
    return " ".join(filter(None, [command.shown, *map(_function_key, command.keys)]))


def _function_key(key: str) -> str:
    # Terminals report shift with a function key as a function key beyond F12.
    modifier, _, name = key.rpartition("+")
    is_one = name[:1] == "f" and name[1:].isdigit() and int(name[1:]) <= 12
    return f"{modifier}+{name.upper()}".lstrip("+") if is_one else ""


def command_on(scope: str, key: str, keymap: dict[str, str]) -> Command | None:
    """Return the command that a key is bound to in a scope, or None."""
    return next((item for item in in_scope(scope) if key in keys_of(item, keymap)), None)


def keys_of(command: Command | DialogKey, keymap: Mapping[str, str]) -> Sequence[str]:
    """Return the keys of a command by Textual's names, remapped or not."""
    if command.id not in keymap:
        return command.keys
    return [key_name(key.strip()) for key in keymap[command.id].split(",")]
