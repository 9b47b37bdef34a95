"""`gemini-json`: what `gemini -p --output-format json` prints, only the answer and counts.

    file  = {"session_id", "response"?, "stats"?, "error"?: {"type", "message", "code"?}}
    stats = {"models": {model: {"api", "tokens": {"prompt", "candidates", …}}}, "tools", "files"}

The question and the calls that led to the answer are only in the session's own file.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.gemini_replies import usage_of
from hermes_tui.formats.failures import status_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import RequestFailed
from hermes_tui.model.messages import Usage
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import total_usage, usage

_COUNT_KEYS = {
    "prompt": "promptTokenCount",
    "candidates": "candidatesTokenCount",
    "cached": "cachedContentTokenCount",
    "thoughts": "thoughtsTokenCount",
}


class GeminiJson:
    """Reads the result of a run."""

    name = "gemini-json"
    summary = "what `gemini -p --output-format json` prints: the answer, counts and errors"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.9, _is_answer)

    def read(self, value: Any, build: RunBuilder) -> None:
        if not _is_answer(value):
            build.defect("no answer of Gemini CLI", value)
            return
        stats = fields.as_dict(value.get("stats"))
        models = fields.as_dict(stats.get("models"))
        details = {key: stats.get(key) for key in ("tools", "files") if stats.get(key)}
        build.start(
            run_id=fields.label(value, "session_id"),
            model=next(iter(models), ""),
            details=fields.details_of({**details, **({"models": list(models)} if models else {})}),
        )
        if text := fields.text_of(value.get("response")):
            build.message({"role": "assistant", "content": text}, pointer="/response")
        error = fields.as_dict(value.get("error"))
        if error:
            build.add(
                RequestFailed,
                pointer="/error",
                message=fields.labels(error, "type", "message") or fields.excerpt(error),
                status=status_of({"status": error.get("code")}),
            )
        build.end(
            status="error" if error else "unknown",
            stop_reason=title(fields.label(error, "type")),
            usage=total_usage(map(_model_usage, models.values())),
        )


def _is_answer(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("session_id"), str):
        return False
    error, stats = fields.as_dict(value.get("error")), fields.as_dict(value.get("stats"))
    answers = isinstance(value.get("response"), str) and isinstance(stats.get("models"), dict)
    is_bare = value.keys() <= {"session_id", "response", "stats", "error", "warnings"}
    return is_bare and (answers or {"type", "message"} <= error.keys())


def _model_usage(model: Any) -> Usage | None:
    tokens = fields.as_dict(fields.as_dict(model).get("tokens"))
    return usage(usage_of({_COUNT_KEYS[key]: tokens[key] for key in _COUNT_KEYS if key in tokens}))


FORMAT = GeminiJson()
