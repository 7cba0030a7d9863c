"""A run's results as typed values: run, candidates, rows, cells, outcomes; read and written here."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
