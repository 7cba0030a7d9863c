"""The catalogue of objectives: one file per entry; each holds its object as the constant OBJECTIVE.

An objective reduces the rows of a candidate to one number, and says how that number is judged.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
