"""One training loop, and what it needs: schedule, losses, devices, processes, resuming."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
