"""Examples to token sequences and back: subwords, windows on a context, packing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
