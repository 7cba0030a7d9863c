"""Runs made up for the tests of reports serve those of a run's results as well."""

from tests.reports.conftest import alone, make_run, seeded, seeds

__all__ = ["alone", "make_run", "seeded", "seeds"]
