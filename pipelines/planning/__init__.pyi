from .inputs import (
    Base as Base,
    EMBEDDED as EMBEDDED,
    Start as Start,
    dataset_commits as dataset_commits,
    open_data as open_data,
    open_start as open_start,
)
from .plan import Candidate as Candidate, Node as Node, Plan as Plan, make_plan as make_plan
from .preflight import check_data as check_data, incomplete as incomplete
from .workload import Workload as Workload, workloads as workloads
