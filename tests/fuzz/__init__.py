"""Fuzz targets for the hand-written parsers and readers: `python -m tests.fuzz NAME [SECONDS]`.

A target is a module with `SEEDS`, a `DICTIONARY` and `try_one(data)`, which raises if a law is
broken. atheris, if installed, leads the search; the test suite tries only the seeds.
"""
