"""`whowhen`: the Who&When set of failed multi-agent runs, each with the step that broke it.

    run = {"history": [{"role", "content", "name"?}], "mistake_step", "mistake_agent",
           "mistake_reason", "question", "ground_truth", "is_correct" | "is_corrected", …}

`mistake_step` counts from 0 and is a text. If `name` is missing, `role` is the agent's name.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_parts import flagged, with_findings
from hermes_tui.formats.outcomes import run_status
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import GOLD_FAILURE
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import TextCalls, normalise_message
from hermes_tui.parsers.roles import speaker_of

_VERDICTS = ("is_correct", "is_corrected")


class WhoWhen:
    """Reads failure logs with their labels."""

    name = "whowhen"
    summary = "Who&When failure logs: multi-agent runs with the step where people saw them go wrong"

    def sniff(self, sample: Sample) -> Match | None:
        return Match(0.95, Unit.RUNS) if fields.mostly(sample.values, _is_run) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        history = value.get("history") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(history, list):
            build.defect("no history in this record", value)
            return
        gold = _step_of(value, len(history))
        build.start(
            run_id=fields.label(value, "question_ID", "question_id", "id"),
            task=fields.label(value, "question"),
            model=fields.model_of(value),
            details=fields.details_of(value, without=("history", "question", "question_ID")),
            diagnostics=_label_findings(value, history, gold),
        )
        for index, raw in enumerate(history):
            mistake = _judgement(value) if index == gold else None
            _append(raw, f"/history/{index}", mistake, build)
        verdicts = (value[key] for key in _VERDICTS if isinstance(value.get(key), bool))
        build.end(status=run_status(next(verdicts, None)))


def _is_run(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("history"), list)
        and ("mistake_step" in value or "mistake_agent" in value)
    )


def _step_of(value: dict[str, Any], size: int) -> int | None:
    """Return the index of the labelled message, or None if the label names none."""
    step = fields.number(value.get("mistake_step"))
    return int(step) if step is not None and step.is_integer() and 0 <= step < size else None


def _label_findings(
    value: dict[str, Any], history: list[Any], gold: int | None
) -> tuple[Diagnostic, ...]:
    """Report a label that does not match the messages."""
    agent, step = fields.label(value, "mistake_agent"), value.get("mistake_step")
    if gold is None:
        if step is None:
            return ()
        message = f"mistake_step {fields.excerpt(step)} is not one of the {len(history)} messages"
    else:
        raw = history[gold]
        names = fields.label(raw, "name", "role") if isinstance(raw, dict) else ""
        if not agent or agent.lower() in names.lower():
            return ()
        message = f"mistake_step is a message of {names or 'nobody'}, mistake_agent is {agent}"
    return (Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, title(message)),)


def _judgement(value: dict[str, Any]) -> Diagnostic:
    """Return the annotation of the step at which people saw the run go wrong."""
    reason = fields.label(value, "mistake_reason").strip()
    text = title(reason) or "people saw the run go wrong here"
    hint = reason if reason and reason != text else ""
    return Diagnostic(Code.JUDGED_WRONG, Severity.NOTE, text, hint=hint)


def _append(raw: Any, pointer: str, mistake: Diagnostic | None, build: RunBuilder) -> None:
    if not isinstance(raw, dict):
        build.defect("not a message", raw, pointer=pointer)
        return
    speaker = speaker_of(raw)
    # An agent's name is not an unknown role: any role but the user's is an agent here.
    role = speaker.role if speaker.known else "assistant"
    parts = normalise_message(raw, role=role, text_calls=TextCalls.IGNORE)
    if mistake is not None:
        parts = with_findings(flagged(parts, GOLD_FAILURE), mistake)
    build.append(parts, pointer)


FORMAT = WhoWhen()
