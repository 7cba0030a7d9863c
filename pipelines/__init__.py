"""Recipes, plan, store, executors, the command line, and the same from Python. Nothing of ours imports it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
