"""Systems side by side: arms, drops by language, changes beside the others', decisions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
