"""A recipe from data files: what they hold, what is odd in them, and the recipe that runs on them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
