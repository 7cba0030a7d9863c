"""What is true of an artifact: tasks, metrics, runtimes, probes, rows, a run's results and what follows from them.

Its rooms export what others take: ``from xpareto.eval.tasks import Task``.
"""
