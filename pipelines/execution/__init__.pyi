from .data import TaskDataProvider as TaskDataProvider
from .distributed import check_launch as check_launch
from .distributed import helps as helps
from .executor import Executor as Executor
from .executor import LocalExecutor as LocalExecutor
from .executor import StepError as StepError
from .work import Job as Job
from .worker import follow as follow
