"""The forms of a report: page, Markdown, CSV, LaTeX, model card."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
