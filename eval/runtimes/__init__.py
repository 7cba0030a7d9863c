"""The catalogue of runtimes: one file per entry; each holds its object as the constant RUNTIME.

A runtime opens artifacts: numpy in, numpy out.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
