"""Times, token counts and costs under the names that clients, servers and logs use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from hermes_tui.model.messages import Usage

EARLIEST_S = 1e8
"""A smaller number (before March 1973) is a duration or a counter, not a point in time."""

_MAX_COUNT = 2**53
"""Below this a float is exact for every integer; a larger number is not a count."""

_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Upper limits and units per second, for timestamps in s, ms, µs and ns."""

_TIME_KEYS = ("timestamp", "created_at", "created", "time", "ts", "startTime", "start_time")
_DURATION_KEYS = (
    ("duration_s", 1.0),
    ("duration", 1.0),
    ("duration_seconds", 1.0),
    ("latency_sec", 1.0),
    ("latency_s", 1.0),
    ("elapsed", 1.0),
    ("duration_ms", 1e3),
    ("latency_ms", 1e3),
)
_DURATION_NAMES = frozenset(key for key, _ in _DURATION_KEYS)
_PROMPT_KEYS = (
    "prompt_tokens",
    "input_tokens",
    "promptTokenCount",
    "inputTokens",
    "promptTokens",
    "input",
)
_COMPLETION_KEYS = (
    "completion_tokens",
    "output_tokens",
    "candidatesTokenCount",
    "outputTokens",
    "completionTokens",
    "output",
)
_CACHED_KEYS = (
    "cached_tokens",
    "cache_read_input_tokens",
    "cache_read_tokens",
    "prompt_cache_hit_tokens",
    "cachedContentTokenCount",
    "cacheReadInputTokens",
    "cachedInputTokens",
    "cacheReadTokens",
)
_REASONING_KEYS = ("reasoning_tokens", "thoughtsTokenCount", "reasoningTokens")
_PROMPT_DETAILS = ("prompt_tokens_details", "input_tokens_details", "inputTokenDetails")
_COMPLETION_DETAILS = (
    "completion_tokens_details",
    "output_tokens_details",
    "outputTokenDetails",
)
_COST_KEYS = ("cost", "cost_usd", "total_cost", "response_cost", "estimated_cost_usd")


def number(value: Any) -> float | None:
    """Return a finite JSON number as a float, None for anything else (including true and false)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None


def whole(value: Any) -> int | None:
    """Return a JSON number that may be a count as an int, None for anything else."""
    found = number(value)
    return int(found) if found is not None and abs(found) < _MAX_COUNT else None


def timestamp(value: Any) -> float | None:
    """Return a time as unix seconds, None if `value` is not a time.

    `value` is in s, ms, µs or ns (a number, or its digits) or an ISO 8601 text, which is taken as
    UTC if it has no time zone.
    """
    if isinstance(value, str):
        return _time_of_text(value)
    found = number(value)
    if found is None or found < EARLIEST_S:
        return None
    return next((found / scale for limit, scale in _UNITS if found < limit), None)


def _time_of_text(text: str) -> float | None:
    if not 8 <= len(text) <= 40:
        return None
    try:
        return timestamp(float(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def time_of(raw: Mapping[str, Any]) -> float | None:
    """Return the time at which a message or record was made, None if it has none."""
    for key in _TIME_KEYS:
        if key in raw and (found := timestamp(raw[key])) is not None:
            return found
    return None


def duration_of(raw: Mapping[str, Any]) -> float | None:
    """Return the duration in a message or record in seconds, None if it has none."""
    if _DURATION_NAMES.isdisjoint(raw):
        return None
    for key, scale in _DURATION_KEYS:
        if key in raw and (found := number(raw[key])) is not None and found >= 0:
            return found / scale
    return None


def usage(value: Any, cost: Any = None) -> Usage | None:
    """Return the token counts and cost under any of the usual names; None if there are none.

    Anthropic counts cached input apart from `input_tokens`; `prompt_tokens` here includes it.
    """
    cost_usd = number(cost)
    if not isinstance(value, Mapping):
        return None if cost_usd is None else Usage(cost_usd=cost_usd)
    prompt = _count(value, _PROMPT_KEYS)
    if prompt is not None and "prompt_tokens" not in value:
        prompt += _count(value, ("cache_read_input_tokens",)) or 0
        prompt += _count(value, ("cache_creation_input_tokens",)) or 0
    found = Usage(
        prompt,
        _count(value, _COMPLETION_KEYS),
        _count(value, _CACHED_KEYS, *_PROMPT_DETAILS),
        _count(value, _REASONING_KEYS, *_COMPLETION_DETAILS),
        next((n for key in _COST_KEYS if (n := number(value.get(key))) is not None), cost_usd),
    )
    return None if found == Usage() else found


def counted_usage(
    counts: Mapping[str, Any],
    *,
    prompt: Sequence[str],
    completion: str,
    cached: str,
    reasoning: str = "",
    cost: float | None = None,
) -> Usage | None:
    """Return the usage under the given keys, None if nothing was counted.

    The counts under the keys in `prompt` exclude one another: the prompt is their sum.
    """
    prompt_counts = [found for key in prompt if (found := number(counts.get(key))) is not None]
    named = {
        "prompt_tokens": sum(prompt_counts) if prompt_counts else None,
        "completion_tokens": counts.get(completion),
        "cached_tokens": counts.get(cached),
        "reasoning_tokens": counts.get(reasoning),
    }
    is_counted = any(prompt_counts) or number(counts.get(completion))
    return usage(named, cost) if is_counted else None


def total_usage(several: Iterable[Usage | None]) -> Usage | None:
    """Return the sum of what several requests used, None if none of them reports it."""
    reported = [used for used in several if used is not None]
    sums: dict[str, Any] = {}
    for name in Usage.__struct_fields__:
        counts = [count for used in reported if (count := getattr(used, name)) is not None]
        if counts:
            sums[name] = sum(counts)
    return Usage(**sums) if reported else None


def _count(raw: Mapping[str, Any], keys: tuple[str, ...], *details: str) -> int | None:
    for key in keys:
        if key in raw and (found := whole(raw[key])) is not None:
            return found
    for detail in details:
        inner = raw.get(detail)
        if isinstance(inner, Mapping) and (count := _count(inner, keys)) is not None:
            return count
    return None
