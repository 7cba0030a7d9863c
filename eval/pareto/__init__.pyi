from .attainment_surface import attainment as attainment, attainment_difference as attainment_difference
from .dominance import ConfidenceSet as ConfidenceSet
from .frontier import Frontier as Frontier
from .hypervolume import (
    REFERENCE_OCTAVES as REFERENCE_OCTAVES,
    REFERENCE_SCORE as REFERENCE_SCORE,
    octaves as octaves,
)
from .uncertainty import (
    Cost as Cost,
    UncertainFrontier as UncertainFrontier,
    Volume as Volume,
    score_floor as score_floor,
    single_level as single_level,
    uncertain_frontier as uncertain_frontier,
)
