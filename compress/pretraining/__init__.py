"""A tiny XLM-R from nothing: tokenizer training and aligned embeddings."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
