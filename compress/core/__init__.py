"""Sealed artifacts, steps that turn one into another, and what both say of themselves.

Everything else in compress builds on this room; it loads no model library.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
