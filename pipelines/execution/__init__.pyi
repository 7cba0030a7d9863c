from .data import DataSupply as DataSupply
from .distributed import check_launch as check_launch, helps as helps
from .executor import Executor as Executor, LocalExecutor as LocalExecutor, StepError as StepError
from .work import Work as Work
from .worker import follow as follow
