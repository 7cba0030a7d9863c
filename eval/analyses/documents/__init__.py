"""The documents that analyses give: frozen types with their schema, written and read as JSON."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
