"""The catalogue of experiment trackers: one file per entry; each holds its object as the constant TRACKER."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
