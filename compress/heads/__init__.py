"""What each head computes: its loss, its logits, its labels, its dev score, its ONNX outputs.

Whoever treats heads differently asks a `HeadSpec`; names of heads are compared nowhere else.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
