from .blocks import COST as COST, TWIN as TWIN, turns as turns
from .cells import INTERVAL as INTERVAL, Score as Score
from .document import (
    Candidate as Candidate,
    Made as Made,
    RunDocument as RunDocument,
    StepFacts as StepFacts,
    TaskFacts as TaskFacts,
    read_document as read_document,
    row_schema as row_schema,
    run_schema as run_schema,
    write_document as write_document,
)
from .evidence import Evidence as Evidence, Part as Part, System as System, read_evidence as read_evidence
from .frontiers import frontier_names as frontier_names
from .integrity import (
    SEAL as SEAL,
    changed_since_seal as changed_since_seal,
    damaged as damaged,
    write_seal as write_seal,
)
from .outcomes import (
    OUTCOMES as OUTCOMES,
    PREDICTIONS as PREDICTIONS,
    kept_folder as kept_folder,
    kept_name as kept_name,
    task_clusters as task_clusters,
    task_outcomes as task_outcomes,
    task_predictions as task_predictions,
    task_tuning as task_tuning,
)
from .pairing import Matched as Matched, match as match
from .provenance import Efforts as Efforts, efforts as efforts
from .run import ROWS as ROWS, Run as Run, read_runs as read_runs
from .summary import (
    ENERGY as ENERGY,
    SCORE as SCORE,
    Study as Study,
    energy_basis as energy_basis,
    matched as matched,
    study as study,
)
