"""Recipes: YAML with lines, overrides, checks, and what a checked recipe is."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
