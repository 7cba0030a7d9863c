from .arm_costs import Cost as Cost, Iso as Iso
from .arms import Design as Design, VariantContrasts as VariantContrasts, compare as compare
from .best_arm import (
    Choice as Choice,
    Fold as Fold,
    Selection as Selection,
    best_arms as best_arms,
    cross_fitted as cross_fitted,
)
from .common_change import Logs as Logs, together as together
from .decision import (
    Decision as Decision,
    Drop as Drop,
    MAX_DROP as MAX_DROP,
    Option as Option,
    SCORE as SCORE,
    Violation as Violation,
    decide as decide,
    order_of_aims as order_of_aims,
)
from .language_fairness import Fairness as Fairness, Interval as Interval, fairness as fairness
from .relative_change import beside_others as beside_others
