from .block_noise import Basis as Basis, COST_MARGIN as COST_MARGIN, Noise as Noise, cost_noise as cost_noise
from .bootstrap import NORMAL_FROM as NORMAL_FROM, generator as generator
from .estimates import (
    LEVEL as LEVEL,
    Uncertain as Uncertain,
    repeated as repeated,
    simultaneous as simultaneous,
)
from .intervals import (
    Spread as Spread,
    pair_spread as pair_spread,
    seed_spread as seed_spread,
    t_quantile as t_quantile,
)
from .pairwise_spread import moderated_gains as moderated_gains, pairs_of as pairs_of
from .prediction_flips import Flips as Flips, NONE as NONE, flips as flips
from .score_draws import ModelTuning as ModelTuning, TaskScores as TaskScores, task_scores as task_scores
from .scores import (
    AVERAGE as AVERAGE,
    Quality as Quality,
    ScoreTable as ScoreTable,
    Weights as Weights,
    score_table as score_table,
)
from .tests import (
    Contrast as Contrast,
    ERROR as ERROR,
    Verdict as Verdict,
    contrasts as contrasts,
    holm as holm,
    verdict as verdict,
)
from .variance_shrinkage import moderated_spread as moderated_spread
