"""Analyses: pure functions from a run's results to typed documents (see eval.analyses.documents).

Whoever calls them reads the run and writes the document; reports only renders it.
"""
