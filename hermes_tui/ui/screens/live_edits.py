"""The edits of a live run, one method per command: the dialogs, and what becomes of their results.

Modules that the first paint does without are imported when they are first needed.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from hermes_tui.debugger.stepping import Kind, Moment
from hermes_tui.model.events import ToolCallProposed
from hermes_tui.model.visible import visible_line
from hermes_tui.model.whole_numbers import whole_number
from hermes_tui.model.wording import counted
from hermes_tui.ui.live_model import message_index
from hermes_tui.ui.screens.live_commands import LiveCommands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermes_tui.debugger.turn import CallState
    from hermes_tui.ui.lab.model import LabText
    from hermes_tui.ui.screens.call_editor import Answer
    from hermes_tui.ui.screens.lab import LabScreen
    from hermes_tui.ui.widgets.prompt import Prompt

_CHOOSE_CALL = "no call waits here: go to a waiting one with {previous-call} or {next-call}"


class LiveEdits(LiveCommands):
    """Edits calls, texts, messages, results and sampling at a stop."""

    # Which call

    def _reply_call(self, index: int | None) -> CallState | None:
        """Return a call of the current reply, or None if it has none with this index."""
        reply = self.state.reply
        calls = reply.calls if reply is not None else []
        return calls[index] if index is not None and 0 <= index < len(calls) else None

    def _chosen_call(self) -> CallState | None:
        """Return the waiting call under the cursor, else the one that the run is stopped at."""
        state, timeline = self.state, self.model.timeline
        event = timeline.event(self.model.row) if len(timeline) else None
        if isinstance(event, ToolCallProposed) and timeline.turn(self.model.row) == state.turn:
            here = self._reply_call(event.call.index)
            if here is not None and _is_waiting(here):
                return here
        return self._reply_call(state.stop.call_index)

    def _is_past(self) -> bool:
        """Return whether the cursor is on a settled call; if so, show what can be done instead.

        An edit would apply to another call: the one that the run is stopped at.
        """
        model, state = self.model, self.state
        if model.follow or not len(model.timeline):
            return False
        event = model.timeline.event(model.row)
        proposed = event.call.index if isinstance(event, ToolCallProposed) else None
        index: int | None = getattr(event, "call_index", proposed)
        if index is None:
            return False
        if model.timeline.turn(model.row) == state.turn:
            here = self._reply_call(index)
            if index == state.stop.call_index or (here is not None and _is_waiting(here)):
                return False
        self.say(self.keys.format("that call is settled: {fork} forks here"))
        return True

    # Editing the model's messages

    def do_edit(self) -> None:
        if self._is_past():
            return
        moment, call = self.state.moment, self._chosen_call()
        if call is not None and _is_waiting(call):
            self._edit_call(call)
        elif moment is Moment.REPLY:
            self._edit_text()
        elif moment in (Moment.REQUEST, Moment.FAILURE):
            last = len(self.state.upcoming()) - 1
            near = message_index(self.model.timeline, self.model.row, self.state.upcoming())
            which = f"1 to {last + 1}" if last else "1"
            label = f"edit message {which} ({last + 2} adds one)"
            self.ask(label, "message-number", str(near + 1), replace=True)
        else:
            self.say(self.keys.format(_CHOOSE_CALL))

    def _edit_call(self, call: CallState) -> None:
        from hermes_tui.debugger import inputs
        from hermes_tui.ui.screens.call_editor import CallEditorScreen

        index, name, arguments = call.call.index, call.name or "", call.arguments.text
        title = f"Edit call {index + 1} of turn {self.state.turn}"
        editor = CallEditorScreen(name, arguments, self.state.tools, title=title)

        def edited(after: tuple[str, str]) -> None:
            if after[0] != name:
                self.put(inputs.EditName(index, after[0]))
            if after[1] != arguments:
                self.put(inputs.EditArguments(index, after[1]))

        self.open_dialog(editor, edited)

    def _edit_text(self) -> None:
        from hermes_tui.debugger import inputs
        from hermes_tui.ui.edit_checks import check_assistant_text
        from hermes_tui.ui.screens.editor import EditorScreen

        state = self.state
        before = state.reply.text if state.reply is not None else ""
        editor = EditorScreen(
            f"Edit the reply of turn {state.turn}",
            before,
            check=lambda text: check_assistant_text(text, state),
            shown="" if state.parser else "calls found in the text are shown, but not run",
        )
        self.open_dialog(editor, lambda after: self.put(inputs.EditText(after)))

    def lab_of(self, given: LabText) -> LabScreen:
        """Return the lab; at the stop of a reply it can hand its text to the loop."""
        from hermes_tui.ui.screens.lab import LabScreen

        driver = self.feed.driver
        state = driver.session.state if driver is not None else None
        if state is None or state.moment is not Moment.REPLY or state.reply is None:
            return LabScreen(given)
        if given.where != f"turn {state.turn}":
            return LabScreen(given)
        tools = tuple((state.tools or {}).values())
        text = given.text if given.field else state.reply.text
        now = given._replace(text=text, tools=tools, parser=state.parser)
        return LabScreen(now, self._hand_over)

    def _hand_over(
        self, text: str, calls: Sequence[tuple[str, str]], parser: str, content: str
    ) -> str:
        """Give the reply another text, or calls that `parser` reads from it, leaving `content`.

        Return why that is not possible, or "".
        """
        from hermes_tui.debugger import inputs

        if not calls:
            return "" if self.put(inputs.EditText(text)) else self._message
        missing = self._missing_calls(calls)
        if not missing:
            return "nothing was changed: the run has this text and its calls already"
        reply = self.state.reply
        left = content if reply is not None and reply.text == text else None
        for name, arguments in missing:
            if not self.put(inputs.AddCall(name, arguments, parser, left)):
                return self._message
        self.say(f"{counted(len(missing), 'call')} handed over; nothing ran yet")
        return ""

    def _missing_calls(self, calls: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the calls that the reply does not have."""
        from hermes_tui.debugger.call_rules import call_key
        from hermes_tui.parsers.call_arguments import read_arguments

        reply, missing = self.state.reply, []
        running = reply.running if reply is not None else []
        counts = Counter(call_key(call.name, call.arguments) for call in running)
        for name, arguments in calls:
            key = call_key(name, read_arguments(arguments))
            if counts[key] > 0:
                counts[key] -= 1
            else:
                missing.append((name, arguments))
        return missing

    def answered_message_number(self, event: Prompt.Answered) -> None:
        from hermes_tui.debugger import inputs
        from hermes_tui.ui.edit_checks import check_message
        from hermes_tui.ui.json_layout import laid_out
        from hermes_tui.ui.screens.editor import EditorScreen

        messages = self.state.upcoming()
        number = whole_number(event.value) or 0
        if not 1 <= number <= len(messages) + 1:
            self.say(f"a number from 1 to {len(messages) + 1}")
            return
        index = number - 1
        before = messages[index] if index < len(messages) else '{"role":"user","content":""}'
        is_new = index == len(messages)
        editor = EditorScreen(
            "Add a message" if is_new else f"Edit message {number} of {len(messages)}",
            laid_out(before),
            check=check_message,
            shown="it is sent after the others"
            if is_new
            else "as it will be sent; a message left empty is removed",
            strict=True,
        )
        self.open_dialog(editor, lambda after: self.put(inputs.EditMessage(index, after.strip())))

    def do_edit_result(self) -> None:
        from hermes_tui.debugger import inputs
        from hermes_tui.ui.edit_checks import check_nothing
        from hermes_tui.ui.screens.editor import EditorScreen

        call = self.state.call
        if self._is_past():
            return
        if call is None or call.result is None:
            self.say("there is no result here")
            return
        before = call.result.content
        editor = EditorScreen(
            f"What the model will see of {call.name or 'the call'}", before, check=check_nothing
        )
        self.open_dialog(editor, lambda after: self.put(inputs.SubstituteResult(after)))

    # Answering, dropping, adding

    def do_answer(self) -> None:
        from hermes_tui.ui.screens.call_editor import AnswerScreen

        call = self.state.call
        if self._is_past():
            return
        if call is None or Kind.SKIP not in self.situation().legal:
            self.say("the run is not stopped at a call")
            return
        title = f"Answer {call.name or '(no name)'} in place of its tool"
        editor = AnswerScreen(title, call.call.id or "", shown=call.arguments.text[:2000])
        self.open_dialog(editor, self._answered)

    def _answered(self, answer: Answer) -> None:
        from hermes_tui.debugger import inputs

        command = inputs.FailCall if answer.failed else inputs.SkipCall
        self.put(command(answer.text, answer.reason))

    def do_drop_call(self) -> None:
        from hermes_tui.debugger.turn import CallStatus

        call = self._chosen_call()
        if self._is_past():
            return
        if call is None or not _is_waiting(call):
            self.say(self.keys.format(_CHOOSE_CALL))
            return
        reply = self.state.reply
        others = [other for other in reply.calls if other is not call] if reply is not None else []
        is_only = all(other.status in (CallStatus.DROPPED, CallStatus.SHOWN) for other in others)
        question = f"drop call {call.call.index + 1}, {visible_line(call.name or '(no name)', 24)}?"
        consequence = "without it the reply ends the run; " if is_only else ""
        self.ask(f"{question} {consequence}y drops it", "drop-call", one_letter=True)

    def answered_drop_call(self, event: Prompt.Answered) -> None:
        call = self._chosen_call()
        if event.value not in ("y", "Y"):
            self.say("the call stays")
        elif call is not None and _is_waiting(call):
            self._drop(call)

    def _drop(self, call: CallState) -> None:
        from hermes_tui.debugger import inputs

        name = call.name or "(no name)"
        if self.put(inputs.DropCall(call.call.index)):
            self.say(f"call {call.call.index + 1}, {name}, is dropped: the model will not see it")

    def do_add_call(self) -> None:
        from hermes_tui.debugger import inputs
        from hermes_tui.ui.screens.call_editor import CallEditorScreen

        editor = CallEditorScreen("", "{}", self.state.tools, title="Add a call", confirm=False)
        self.open_dialog(editor, lambda after: self.put(inputs.AddCall(*after)))

    # Asking again

    def do_retry(self) -> None:
        from hermes_tui.debugger import inputs
        from hermes_tui.ui.unavailable import TOOL_RAN

        state = self.state
        if state.moment in (Moment.RESULT, Moment.RECOVERY) and state.call is not None:
            answered = state.moment is Moment.RESULT
            if self.put(inputs.Retry()):
                kept = "; the recording keeps its first answer" if answered else ""
                self.say_until_stop(f"the tool runs once more{kept}")
            return
        if state.tool_ran:
            self.say(self.keys.format(TOOL_RAN))
            return
        self._ask_again()

    def _ask_again(self) -> None:
        """Send the request again, after the user has edited its parameters."""
        from hermes_tui.debugger import inputs
        from hermes_tui.ui.edit_checks import check_parameters
        from hermes_tui.ui.json_layout import laid_out
        from hermes_tui.ui.screens.editor import EditorScreen

        state = self.state
        before = laid_out(state.parameters)
        editor = EditorScreen(
            f"Ask again for turn {max(1, state.turn)}, with these parameters",
            before,
            check=check_parameters,
            shown=self.hermes.keys.format(
                "everything in the request but the messages; {editor-accept} asks"
            ),
            confirm=False,
            strict=True,
        )

        def edited(after: str) -> None:
            parameters = json.loads(after)
            # As texts: true is not 1, and 1 not 1.0.
            is_changed = json.dumps(parameters) != json.dumps(json.loads(before))
            self.put(inputs.Retry(parameters if is_changed else None))

        self.open_dialog(editor, edited)

    def has_waiting_call(self) -> bool:
        """Return whether the current reply has a call that has not been run or answered yet."""
        reply = self.state.reply
        return reply is not None and any(map(_is_waiting, reply.calls))

    def has_unread_call(self) -> bool:
        """Return whether the current reply has a call in its text that the run does not read."""
        from hermes_tui.debugger.turn import CallStatus

        reply = self.state.reply
        return reply is not None and any(one.status is CallStatus.SHOWN for one in reply.calls)


def _is_waiting(call: CallState) -> bool:
    """Return whether a call has not been run or answered yet."""
    from hermes_tui.debugger.turn import CallStatus

    return call.status is CallStatus.WAITING
