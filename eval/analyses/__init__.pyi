from .arm_comparison import compare_arms as compare_arms
from .best_arms import best_arm as best_arm, serves_as_dev as serves_as_dev
from .claim_checks import arms_by_kind as arms_by_kind, checks as checks
from .claims import (
    ENGLISH as ENGLISH,
    MULTILINGUAL as MULTILINGUAL,
    MULTITASK as MULTITASK,
    NONE as NONE,
    TEXT as TEXT,
    claim_status as claim_status,
)
from .deployable import WITH as WITH
from .differences import diff as diff
from .recommendation import recommend as recommend
from .requirements import (
    Wish as Wish,
    check as check,
    check_names as check_names,
    named_numbers as named_numbers,
    names as names,
)
from .summary import RESAMPLES as RESAMPLES, analyse as analyse
