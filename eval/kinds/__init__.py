"""The catalogue of kinds of answer: one file per entry; each holds its object as the constant KIND.

A kind encodes examples, turns a model's output into answers, and scores them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
