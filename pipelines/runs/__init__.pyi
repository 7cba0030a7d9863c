from .choose import choose_run as choose_run
from .claims import claims_of as claims_of, compare_for_claims as compare_for_claims
from .compare_arms import compare_run as compare_run, write_comparison as write_comparison
from .diff import diff_runs as diff_runs
from .later_actions import (
    artifacts_of as artifacts_of,
    export as export,
    measure_again as measure_again,
    open_artifact as open_artifact,
    store_of as store_of,
    verify as verify,
)
from .report import build_report as build_report
from .run import (
    Console as Console,
    Options as Options,
    Prepared as Prepared,
    Result as Result,
    prepare as prepare,
    run_recipe as run_recipe,
)
from .submission import submit as submit
