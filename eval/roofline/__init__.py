"""What a pass must compute and move at least, and what the machine could do in that time."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
