"""What a run says, in sentences and rows: headline, answer, changes, caveats, noise."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
