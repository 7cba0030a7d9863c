"""Recipes, plan, store, executors, the command line, and the same from Python. Nothing of ours imports it."""

__all__ = ["Console", "InputError", "Requirements", "Run", "Status", "plan", "run", "search"]


def __getattr__(name: str) -> object:
    # By hand: lazy_loader would be imported before the command line is ready for Ctrl-C.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.api"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
