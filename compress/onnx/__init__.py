"""ONNX graphs: export, tidy names and axes, rewriting, weights, parity with the torch model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
