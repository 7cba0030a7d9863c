"""The processes that do the work: one worker a step, its helpers, what it spent."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
