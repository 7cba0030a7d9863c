from .layer_inputs import visit_linears as visit_linears
from .layer_loss import loss_without as loss_without, token_states as token_states
from .mask_gradients import (
    BATCH as BATCH,
    Units as Units,
    batches_of as batches_of,
    unit_gradients as unit_gradients,
)
from .mask_search import best as best, search as search, uniform as uniform
from .mask_tuning import tune as tune
from .slicing import narrow as narrow
from .sparsity import (
    kept as kept,
    magnitude as magnitude,
    output_error as output_error,
    sparsegpt as sparsegpt,
    wanda as wanda,
)
from .speedup import Latency as Latency, Reached as Reached, reach as reach
from .unit_importance import (
    activation as activation,
    at_random as at_random,
    by_magnitude as by_magnitude,
    from_gradients as from_gradients,
)
from .width_choice import (
    Kept as Kept,
    counts_by_cost as counts_by_cost,
    counts_by_share as counts_by_share,
    kept_units as kept_units,
    spread as spread,
)
