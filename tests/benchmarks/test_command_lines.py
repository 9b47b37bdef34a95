"""The benchmarks explain their usage and start nothing if called wrongly."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

MODULES = (
    "live_budgets",
    "open_budgets",
    "parser_budgets",
    "peers",
    "scan_budgets",
    "scan_speed",
    "size_budgets",
)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--colour", 2)])
def test_help_or_wrong_arguments_end_a_benchmark_before_it_begins(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    argument: str,
    code: int,
) -> None:
    monkeypatch.setattr(sys, "argv", [name, argument])
    with pytest.raises(SystemExit) as exit_:
        import_module(f"tests.benchmarks.{name}").main()
    assert exit_.value.code == code
    captured = capsys.readouterr()
    assert f"tests.benchmarks.{name}" in captured.out + captured.err


@pytest.mark.parametrize("name", ["parser_budgets", "size_budgets"])
def test_an_unknown_shape_is_refused_with_a_list_of_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "nope"])
    with pytest.raises(SystemExit) as exit_:
        import_module(f"tests.benchmarks.{name}").main()
    assert exit_.value.code == 2
    assert "'nope' (one of: " in capsys.readouterr().err
