"""The code inside an engine's process. It runs without hermes-tui, on Python 3.10 or newer."""
