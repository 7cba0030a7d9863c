"""Which subwords a vocabulary keeps, what that costs each language, and the smaller table."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
