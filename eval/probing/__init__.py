"""What a probe is, the process that it runs in, and the context that it measures in."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
