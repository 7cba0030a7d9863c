"""The catalogue of architectures: one file per entry; each holds its description as the constant ARCHITECTURE.

A base of any of them runs through the steps; a step that needs more than a description gives says so at plan time.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
