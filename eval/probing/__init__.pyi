from .batches import (
    Reduce as Reduce,
    TOKEN_BUDGET as TOKEN_BUDGET,
    pad as pad,
    plan_batches as plan_batches,
    run_all as run_all,
)
from .context import Opened as Opened, Subset as Subset
from .predict import absent as absent, answered as answered, withheld as withheld
from .probe import (
    PROBES as PROBES,
    Probe as Probe,
    Taken as Taken,
    failed_row as failed_row,
    launch as launch,
    threading_variables as threading_variables,
)
from .request import Ask as Ask, Job as Job
