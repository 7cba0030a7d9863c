from .groups import (
    EMBEDDINGS as EMBEDDINGS,
    Embeddings as Embeddings,
    FLOAT as FLOAT,
    Group as Group,
    Products as Products,
    costs_of as costs_of,
    groups_of as groups_of,
    in_precisions as in_precisions,
)
from .path_search import Found as Found, Reading as Reading, search as search
from .samples import Samples as Samples, read_samples as read_samples
from .trial import Trial as Trial
