from ._kind import TUNING as TUNING
from ._kind import Calibrated as Calibrated
from ._kind import Kind as Kind
from ._kind import Resampled as Resampled
from ._kind import Searched as Searched
from ._kind import Tuning as Tuning
