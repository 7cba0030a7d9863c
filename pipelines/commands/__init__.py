"""The commands of the command line, a module for each group; `pipelines/cli.py` names them."""
