"""The catalogue of tasks: one file per entry; each holds its object as the constant TASK.

What a task, a training set and an example are stands here, too.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
