"""`optimum-cli xpareto ...`: the command line of xpareto as a command of optimum's.

optimum loads what it finds in the namespace optimum.commands.register, where the link in .packages, and so the wheel,
puts this file. Nothing of ours imports it, so that optimum may be missing.
"""

from __future__ import annotations

import sys
from argparse import REMAINDER, ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand, CommandInfo


class XparetoCommand(BaseOptimumCLICommand):
    """Hands on whatever stands behind `optimum-cli xpareto`; nothing of xpareto is imported before it is run."""

    COMMAND = CommandInfo(
        name="xpareto",
        help="Compress multilingual encoders and see, on XTREME or your data, which variant to deploy.",
    )

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        """Take all words as they are, options and --help too: no word begins with what here marks an option."""
        parser.prefix_chars = "\0"
        parser.add_argument("words", nargs=REMAINDER)

    def run(self) -> None:
        """Run the command line of xpareto; it ends the process with its own exit code."""
        from xpareto.pipelines import __main__

        sys.argv = ["xpareto", *self.args.words]
        __main__.main()


REGISTER_COMMANDS = [XparetoCommand]
