"""`xpareto choose`: read the runs and ask which variant to deploy."""

from __future__ import annotations

from xpareto.eval.analyses import Wish, check, check_names, recommend
from xpareto.eval.analyses.documents import Recommendation
from xpareto.eval.results import read_evidence
from xpareto.pipelines.storage import RunFolder


def choose_run(run: RunFolder, wish: Wish, report_on: RunFolder | None = None) -> Recommendation:
    """Return the variant to deploy (see eval.analyses.recommend); InputError for a wish that the run cannot
    be asked.

    `report_on` is a run of the same candidates on other examples: what is chosen here is scored there.
    """
    wish = check(wish)
    check_names(read_evidence(run.path), wish)
    here = read_evidence(run.path, wish.tasks, wish.languages, wish.seed)
    if report_on is None:
        return recommend(here, wish)
    return recommend(here, wish, read_evidence(report_on.path, wish.tasks, wish.languages, wish.seed))
