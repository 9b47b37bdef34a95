"""Ctrl-C does not tear a file that is being written."""

from __future__ import annotations

import signal

import pytest

from hermes_tui.cli.interrupts import Interrupts


def test_an_interrupt_waits_until_the_block_is_done() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts, interrupts.held():
        signal.raise_signal(signal.SIGINT)
        done.append("written")
    assert done == ["written"]


def test_an_interrupt_outside_a_block_is_raised_at_once() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        with interrupts.held():
            done.append("written")
        signal.raise_signal(signal.SIGINT)
        done.append("more")
    assert done == ["written"]


def test_a_second_interrupt_is_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermes_tui.cli.interrupts.SAME_INTERRUPT_S", 0.0)
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts, interrupts.held():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        done.append("never")
    assert done == []


def test_one_ctrl_c_that_arrives_twice_is_one() -> None:
    done: list[str] = []
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts, interrupts.held():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        done.append("written")
    with interrupts:
        signal.raise_signal(signal.SIGINT)
        done.append("cleaned up")
    assert done == ["written", "cleaned up"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_previous_signal_handler_is_restored(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interrupts():
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before


def test_the_exit_code_is_that_of_the_first_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermes_tui.cli.interrupts.SAME_INTERRUPT_S", 0.0)
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts, interrupts.held():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert interrupts.exit_code == 143
