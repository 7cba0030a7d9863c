"""Search under a budget: what is tried next, on how much of the data, and which settings are worth measuring."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
