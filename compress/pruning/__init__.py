"""Which heads, neurons, channels and layers go: importance, masks, budgets, slicing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
