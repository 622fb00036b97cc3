"""Measurements of the toolkit beside loops written by hand and beside other trainers.

    python -m benchmarks            all of them; writes benchmarks/RESULTS.md
    python -m benchmarks.step       one of them; prints its tables

Run from the repository's root. Each module is one measurement, and its docstring is its protocol.
"""
