"""Fuzz targets for what is written by hand: `python -m tests.fuzz NAME [SECONDS]`.

A target is a module with `SEEDS` and `try_one(data)`, which raises where a law is broken. atheris
leads the search where it is installed; the seeds alone are tried with the other tests.
"""
