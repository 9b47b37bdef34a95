"""How a sample of an Inspect log ended: its scores, its limit, its error, its usage."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.readers.inspect_log.events import Events
from hermes_tui.formats.readers.inspect_log.messages import usage_of
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import number, timestamp, total_usage, usage

_LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Correct, partial, incorrect, no answer."""


def error_of(raw: dict[str, Any]) -> str:
    """Return the message of the error of a sample or log, or "" if there is none."""
    error = raw.get("error")
    if isinstance(error, dict):
        error = error.get("message") or error
    return fields.json_text(error)[: fields.MAX_RESULT] if error else ""


def end_of(sample: dict[str, Any], events: Events) -> dict[str, Any]:
    """Return the arguments of `RunBuilder.end` for a sample."""
    raw = _raw_scores(sample)
    scores = _numbers(raw)
    limit = _limit(sample, events)
    error = error_of(sample)
    status, reason = _verdict(raw, scores), ""
    if limit:
        status, reason = "truncated", f"limit: {limit}"
    if error:
        status, reason = "error", error
    return {
        "status": status,
        "stop_reason": reason,
        "reward": next(iter(scores.values())) if len(scores) == 1 else None,
        "scores": scores,
        "usage": _total_usage(sample),
        "details": {**_details(sample), **({"limit": limit} if limit else {})},
        "duration_s": number(sample.get("total_time")),
        "ts": timestamp(sample.get("completed_at")) or events.last_ts,
    }


def _raw_scores(sample: dict[str, Any]) -> dict[str, Any]:
    scores = sample.get("scores")
    if isinstance(scores, dict):
        return scores
    return {"score": sample["score"]} if sample.get("score") else {}


def _numbers(scores: dict[str, Any]) -> dict[str, float]:
    """Return every score that is a number or a letter, and each such value of a compound score."""
    found: dict[str, float] = {}
    for name, score in scores.items():
        value = score.get("value") if isinstance(score, dict) else score
        values = value if isinstance(value, dict) else {"": value}
        for key, one in values.items():
            as_number = _number(one)
            if as_number is not None:
                found[f"{name}/{key}" if key else name] = as_number
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        return _LETTERS.get(value, fields.number(value))
    return number(value)


def _verdict(raw: dict[str, Any], scores: dict[str, float]) -> str:
    """Return the status of a sample, judged by the scores that are letters or booleans."""
    judged = [
        scores[name]
        for name, score in raw.items()
        if isinstance(value := score.get("value") if isinstance(score, dict) else score, bool)
        or (isinstance(value, str) and value in _LETTERS)
    ]
    if not judged:
        return "unknown"
    return "ok" if min(judged) == 1.0 else "failed"


def _limit(sample: dict[str, Any], events: Events) -> str:
    """Return the limit that ended the sample (tokens, messages, time …), or "" if none did."""
    limit = fields.as_dict(sample.get("limit"))
    if not limit and events.limits:
        limit = events.limits[-1]
    words = (fields.label(limit, "type"), fields.label(limit, "limit"))
    return " ".join(filter(None, words))


def _total_usage(sample: dict[str, Any]) -> Usage | None:
    """Return the tokens of all models together."""
    usages = fields.as_dict(sample.get("model_usage")).values()
    return total_usage(usage(usage_of(raw)) for raw in usages)


def _details(sample: dict[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if scores := _raw_scores(sample):
        details["scores"] = fields.small(scores)
        if isinstance(details["scores"], str):
            details["scores"] = {name: fields.small(score) for name, score in scores.items()}
    traceback = fields.as_dict(sample.get("error")).get("traceback")
    if isinstance(traceback, str) and traceback:
        details["traceback"] = fields.detail("traceback", traceback)
    return details
