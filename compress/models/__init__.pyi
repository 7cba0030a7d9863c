from .checkpoint import (
    import_checkpoint as import_checkpoint,
    load_model as load_model,
    read_checkpoint as read_checkpoint,
    save_model as save_model,
)
from .freezing import freeze as freeze
from .hooks import (
    Trace as Trace,
    attention_heads as attention_heads,
    attention_width as attention_width,
    traced as traced,
)
from .layer_choice import (
    Place as Place,
    at_places as at_places,
    block_influence as block_influence,
    layer_read as layer_read,
    leave_one_out as leave_one_out,
    most_important as most_important,
)
from .layer_costs import encoder_cost as encoder_cost, width_costs as width_costs
from .uneven_layers import (
    Shape as Shape,
    count_heads as count_heads,
    model_class as model_class,
    modules as modules,
    rank_of as rank_of,
    reshape as reshape,
    shape_in as shape_in,
    shape_of as shape_of,
)
from .weight_files import WEIGHTS as WEIGHTS
