"""Make the embedded base: `python -m xpareto.pipelines.bases.build [FOLDER]`, in half a minute."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from xpareto.compress.core import Context
from xpareto.compress.steps.pretrain import Pretrain
from xpareto.eval.data import Data, DataSpec
from xpareto.eval.synthetic import write_data
from xpareto.pipelines.execution import TaskDataProvider

FOLDER = Path(__file__).parent / "embedded"
FIELDS = Path(__file__).parent / "embedded.yaml"


def build(folder: Path) -> None:
    """Write the checkpoint into `folder`; on one kind of processor, equal bytes each time."""
    fields = yaml.safe_load(FIELDS.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        write_data(data)
        provider = TaskDataProvider(Data.open(DataSpec(root=str(data))))
        # One thread: with more, sums are taken in another order.
        context = Context(provider, seed=0, threads=1, scratch=Path(scratch), progress=_print)
        Pretrain(**fields).apply(None, folder, context)


def _print(done: int, total: int, what: str) -> None:
    if done % 100 == 0:
        print(f"{done}/{total} {what}", file=sys.stderr)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
