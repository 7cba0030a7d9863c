from ._packed_linear import can_pack as can_pack, packed as packed
from ._runtime import (
    RUNTIMES as RUNTIMES,
    Runtime as Runtime,
    Session as Session,
    longest_input as longest_input,
    model_config as model_config,
)
