from ._packed_linear import can_pack as can_pack
from ._packed_linear import packed as packed
from ._runtime import RUNTIMES as RUNTIMES
from ._runtime import Runtime as Runtime
from ._runtime import Session as Session
from ._runtime import max_tokens as max_tokens
from ._runtime import model_config as model_config
