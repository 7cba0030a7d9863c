from .bias import add_to_biases as add_to_biases
from .blocks import with_blocks as with_blocks, with_halves as with_halves
from .calibrate import collect as collect, watch as watch
from .dynamic import with_dynamic as with_dynamic
from .embeddings import (
    INPUT_IDS as INPUT_IDS,
    Rows as Rows,
    embedding_nodes as embedding_nodes,
    embedding_rows as embedding_rows,
    hollow as hollow,
    table_nodes as table_nodes,
    with_rows as with_rows,
)
from .qat_export import with_learned_codes as with_learned_codes
from .qdq import with_qdq as with_qdq
from .smoothing import find_sites as find_sites, shared_weights as shared_weights, smooth as smooth
