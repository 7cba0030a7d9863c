from ._limits import MEGABYTE as MEGABYTE
from ._objective import (
    Limit as Limit,
    OBJECTIVES as OBJECTIVES,
    Objective as Objective,
    Role as Role,
    Sense as Sense,
    declared_limits as declared_limits,
    over_blocks as over_blocks,
    preferences as preferences,
    whole_blocks as whole_blocks,
)
