"""The embedded data: examples of every shape, made up in several languages, for the demo and tests."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
