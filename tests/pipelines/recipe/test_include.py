"""Tasks that a recipe includes: as if they were written in place, and wrong ones told where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.planning.preparation import Options, Prepared, prepare
from xpareto.pipelines.recipe.checks import load_recipe

RECIPE = """\
xpareto: 1
name: mine
base: embedded
INCLUDE
steps:
  - {step: export_onnx, label: onnx}
"""
TASK = "{task: sts, kind: similarity, files: s.csv}"


def written(folder: Path, included: str, include: str = "include: [more/tasks.yaml]") -> Path:
    (folder / "more").mkdir(exist_ok=True)
    (folder / "more" / "tasks.yaml").write_text(included)
    (folder / "more" / "s.csv").write_text("first,second,score\na,b,1\nc,d,2\n")
    file = folder / "mine.yaml"
    file.write_text(RECIPE.replace("INCLUDE", include))
    return file


def planned(file: Path) -> Prepared:
    return prepare(Options(str(file), store=file.parent / "store"))


def test_what_is_included_is_as_if_written_in_place(tmp_path: Path) -> None:
    included = planned(written(tmp_path, f"tasks:\n  - {TASK}\n"))
    place = f"tasks: [{TASK.replace('s.csv', 'more/s.csv')}]"
    in_place = planned(written(tmp_path, "", place))
    assert included.checked.source == in_place.checked.source and "include" not in included.checked.source
    assert included.plan.key == in_place.plan.key
    both = load_recipe(
        written(tmp_path, f"tasks: [{TASK}]", "tasks: [tatoeba]\ninclude: [more/tasks.yaml]")
    ).recipe
    assert [choice.task for choice in both.tasks] == ["tatoeba", "sts"]
    changed = planned(written(tmp_path, f"tasks:\n  - {TASK[:-1]}, max_length: 9}}\n"))
    assert changed.plan.key != included.plan.key


@pytest.mark.parametrize(
    ("included", "include", "told"),
    [
        ("tasks:\n  - {task: sts, kind: similarity}", None, r"more/tasks.yaml:2: tasks.0: the task sts needs either"),
        ("tasks:\n  - task: sts\n    kind: similarity\n    files: s.csv\n    metrics: [f1]\n", None,
         r'more/tasks.yaml:5: tasks.0.metrics.0: unknown metric "f1" of similarity'),
        ("tasks:\n  - {task: sts, kind: similarity, files: no.csv}", None, r"expected more/no.csv, found no such file"),
        ("tasks: [xnli]\ninclude: [tasks.yaml]", None,
         r"more/tasks.yaml:2: include: expected tasks alone .* What is included includes nothing itself"),
        ("tasks: []", None, r"more/tasks.yaml:1: expected a list of tasks"),
        ("- xnli", None, r"more/tasks.yaml:1: expected the key tasks"),
        ("tasks: [xnli", None, r"more/tasks.yaml:1: not valid YAML"),
        ("tasks: [!!python/name:os.system x]", None, r"more/tasks.yaml:1: not valid YAML"),
        ("tasks: [xnli]", "tasks: [xnli]\ninclude: [more/tasks.yaml]", "the task xnli is given twice"),
        ("tasks: [xnli]", "include: more/tasks.yaml", r"mine.yaml:4: include: expected a list of files"),
        ("tasks: [xnli]", "include: [gone.yaml]", r"mine.yaml:4: include.0: expected a file with tasks, found none at"),
        ("tasks: [xnli]", "include: [more/tasks.yaml, more/tasks.yaml]", r"include.1: more/tasks.yaml is included"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(
    tmp_path: Path, included: str, include: str | None, told: str
) -> None:
    file = written(tmp_path, included, *([include] if include else []))
    with pytest.raises(InputError, match=told):
        planned(file)
