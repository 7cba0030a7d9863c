"""From a recipe to a keyed graph of steps, with the base and the data it starts from."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
