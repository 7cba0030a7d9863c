"""What a probe process has at hand: one open artifact at a time, its tasks and their examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from xpareto.compress.architectures import max_tokens
from xpareto.compress.core import Artifact, InputError
from xpareto.compress.data import TOKENIZER
from xpareto.compress.heads import HEADS, SentenceVectors
from xpareto.eval.data import Data
from xpareto.eval.encoding import Encoded, TextEncoder
from xpareto.eval.kinds import Calibrated, Kind
from xpareto.eval.probing.request import Ask, Job, now
from xpareto.eval.records import Measurement
from xpareto.eval.runtimes import RUNTIMES, Runtime, Session, model_config
from xpareto.eval.tasks import KINDS, Example, Task


@dataclass(frozen=True)
class Subset:
    """The encoded examples of one task in one language."""

    task: Task
    language: str
    examples: Sequence[Example]
    encoded: Encoded


def sentences_of(artifact: Artifact) -> SentenceVectors:
    """Return how an artifact makes a sentence's vector, the default where it has another head.

    InputError where its base does so in a way that xpareto cannot compute.
    """
    if HEADS[artifact.manifest.head].has_logits:
        return SentenceVectors()
    return SentenceVectors.of(model_config(artifact)).readable(str(artifact.path))


class MeasurementContext:
    """A job, its runtime and its data, loaded when first asked for."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.job = job
        self.folder = folder
        self.runtime: Runtime = RUNTIMES.load(job.runtime)
        self.artifacts = {name: Artifact.open(Path(path)) for name, path in job.artifacts.items()}
        self._open: tuple[str, Session] | None = None
        self._subsets: dict[Ask, list[Subset]] = {}
        self._opened_encoder: tuple[tuple[str, str], TextEncoder] | None = None

    @cached_property
    def data(self) -> Data:
        return Data.open(self.job.data)

    def asks(self, training_set: str) -> list[tuple[Ask, Task]]:
        """Return the job's tasks that this training set's artifact answers."""
        asked = [(ask, self.data.task(ask.name)) for ask in self.job.tasks]
        pairs = [
            (ask, replace(asked_task, trained_on=ask.trained_on or asked_task.trained_on))
            for ask, asked_task in asked
        ]
        return [(ask, asked_task) for ask, asked_task in pairs if asked_task.trained_on == training_set]

    def session(self, training_set: str) -> Session:
        """Return the opened artifact; the one opened before is closed (idle sessions may spin)."""
        if self._open is None or self._open[0] != training_set:
            self.close()
            context = self.runtime.open(
                self.artifacts[training_set], self.job.threads, self.option("runtime", None)
            )
            self._open = training_set, context
        return self._open[1]

    def close(self) -> None:
        """Release the open artifact, if any."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def languages(self, ask: Ask, asked_task: Task) -> tuple[str, ...]:
        """Return the languages asked for, in the task's order."""
        wanted = asked_task.languages if ask.languages is None else ask.languages
        return tuple(wanted)

    def subsets(self, ask: Ask, training_set: str) -> list[Subset]:
        """Return the encoded examples of every language that the data has, in the task's order."""
        if ask not in self._subsets:
            artifact = self.artifacts[training_set]
            asked_task = self.data.task(ask.name)
            if artifact.manifest.labels:  # the model's own order of labels
                asked_task = replace(asked_task, labels=artifact.manifest.labels)
            # what a short model cannot read is cut, or split and joined again, as at max_length
            sentences, fits = sentences_of(artifact), max_tokens(model_config(artifact))
            longest = min(asked_task.max_length, sentences.longest or fits, fits)
            asked_task = replace(asked_task, max_length=longest)
            kind: Kind = KINDS.load(asked_task.kind)
            _refuse_unpooled_prompts(sentences, asked_task, str(artifact.path))
            tokenizer = self.encoder(training_set)
            self._subsets[ask] = []
            present = set(self.data.languages(asked_task, ask.split))
            for language in self.languages(ask, asked_task):
                if language not in present:
                    continue
                examples = self.data.examples(asked_task, language, ask.split, ask.limit, ask.skip)
                if examples:
                    encoded = self._encode(kind, examples, tokenizer, asked_task, language, ask)
                    self._subsets[ask].append(Subset(asked_task, language, examples, encoded))
        return self._subsets[ask]

    def encoder(self, training_set: str) -> TextEncoder:
        """Return the artifact's tokenizer; the one opened last where its file has the same bytes.

        Each model of a candidate has a copy, and to open XLM-R's takes over a second.
        """
        artifact = self.artifacts[training_set]
        file, sentences = artifact.file(TOKENIZER), sentences_of(artifact)
        key = artifact.manifest.files[TOKENIZER].sha256, repr((sentences.prompt, sentences.prompts))
        if self._opened_encoder is None or self._opened_encoder[0] != key:
            self._opened_encoder = key, TextEncoder(file, sentences.prompt, sentences.prompts)
        return self._opened_encoder[1]

    def _encode(
        self,
        kind: Kind,
        examples: Sequence[Example],
        tokenizer: TextEncoder,
        asked_task: Task,
        language: str,
        ask: Ask,
    ) -> Encoded:
        other = asked_task.calibrated_on(ask.split)
        if other is None:
            return kind.encode(examples, tokenizer, asked_task)
        assert isinstance(kind, Calibrated)
        labelled = self.data.examples(asked_task, language, other, ask.limit)
        return kind.encode_calibrated(examples, labelled, tokenizer, asked_task)

    def pad_id(self, training_set: str) -> int:
        """Return the id that the artifact's model masks in its position count."""
        return int(model_config(self.artifacts[training_set])["pad_token_id"])

    def option(self, name: str, default: Any) -> Any:
        """Return one of the job's options."""
        return self.job.options.get(name, default)

    def row(self, probe: str, statistic: str, value: float | None, unit: str, **more: Any) -> Measurement:
        """Return a row of this job; `training_set` names the artifact that it is about."""
        training_set = more.pop("training_set", None)
        digest = "" if training_set is None else self.artifacts[training_set].digest
        return Measurement(
            run=self.job.run,
            candidate=self.job.candidate,
            probe=probe,
            statistic=statistic,
            value=value,
            unit=unit,
            artifact=digest,
            runtime=self.job.runtime,
            time=now(),
            **more,
        )


def _refuse_unpooled_prompts(sentences: SentenceVectors, asked_task: Task, where: str) -> None:
    """Refuse a prompt of a task, or one of the model's by name, that the model leaves out of its pooling."""
    named = sentences.prompts if asked_task.kind == "ranking" else {}
    if not sentences.include_prompt and any({**named, **asked_task.prompts}.values()):
        raise InputError(
            f"{where}: expected a model that pools the tokens of its prompts, found one that leaves them out "
            f"(include_prompt: false), which xpareto cannot compute. Give {asked_task.name} `prompts` of empty texts."
        )
