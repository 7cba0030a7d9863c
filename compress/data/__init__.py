"""Batches, mixtures, masks and calibration examples: what training and compression read."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
