from .exporting import export as export
from .graph import MODEL as MODEL, SIDECAR as SIDECAR
from .parity import Run as Run, onnx_run as onnx_run
from .rewriting import (
    ONCE as ONCE,
    Reference as Reference,
    copy_others as copy_others,
    file_bytes as file_bytes,
    most_tokens as most_tokens,
    rewrite as rewrite,
    write as write,
)
from .sparse import with_packed_zeros as with_packed_zeros
from .weights import (
    Product as Product,
    drop_unused as drop_unused,
    match_nodes as match_nodes,
    output_axis as output_axis,
    readers as readers,
    weight_products as weight_products,
)
