"""What is true of an artifact: tasks, metrics, runtimes, probes, rows and frontiers.

Import from it as ``from xpareto.eval.tasks._task import Task``: a bare ``import eval`` would shadow the builtin.
"""
