"""Quantization as it is written into ONNX graphs: QDQ, dynamic, blocks, rows, smoothing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
