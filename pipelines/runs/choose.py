"""`xpareto choose`: read the runs and ask which variant to deploy."""

from __future__ import annotations

from xpareto.eval.analyses import Requirements, check, check_names, recommend
from xpareto.eval.analyses.documents import Recommendation
from xpareto.eval.results import read_run_results
from xpareto.pipelines.storage import RunFolder


def choose_run(
    run: RunFolder, requirements: Requirements, report_on: RunFolder | None = None
) -> Recommendation:
    """Return the variant to deploy (see eval.analyses.recommend); InputError where the run cannot answer
    the requirements.

    `report_on` is a run of the same candidates on other examples: what is chosen here is scored there.
    """
    requirements = check(requirements)
    check_names(read_run_results(run.path, count_unlearnt=True), requirements)
    asked = requirements.tasks, requirements.languages, requirements.seed, requirements.count_unlearnt
    other = None if report_on is None else read_run_results(report_on.path, *asked)
    return recommend(read_run_results(run.path, *asked), requirements, other)
