"""BUCC: reading, smaller corpora, thresholds that never see the gold they are scored on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.eval.data.readers.bucc import corpus, limited
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.text import TextEncoder
from xpareto.eval.kinds.mine import EncodedCorpus, Mine, fold
from xpareto.eval.metrics.mining import mine
from xpareto.eval.probes.accuracy import PROBE
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.statistics.threshold_draws import retuned_f1
from xpareto.eval.tasks import Sentence, task

KIND = Mine()
REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


def made(
    count: int, distractors: int, noise: float, seed: int = 0
) -> tuple[list[Sentence], list[np.ndarray]]:
    """Return a corpus of `count` gold pairs and as many `distractors` on either side, and its states."""
    generator = np.random.default_rng(seed)
    states = np.abs(generator.normal(size=(2 * (count + distractors), 24)).astype(np.float32))
    half = count + distractors
    states[half : half + count] = states[:count] + noise * generator.normal(size=(count, 24))
    foreign = [
        Sentence(f"de-{i}", f"foreign {i}", False, (f"en-{i}",) if i < count else ()) for i in range(half)
    ]
    english = [Sentence(f"en-{i}", f"english {i}", True, ()) for i in range(half)]
    return [*foreign, *english], list(states)


def encoded(sentences: Sequence[Sentence], calibration: Sequence[Sentence] | None = None) -> EncodedCorpus:
    return EncodedCorpus([], len(sentences), sentences=sentences, calibration=calibration)


def scores(sentences: Sequence[Sentence], predictions: Sequence[object]) -> dict[str, float]:
    counts = KIND.outcomes(sentences, predictions, task("bucc2018"), "de")  # type: ignore[arg-type]
    return {name: float(value) for name, value in KIND.metrics(counts.sum(axis=0)).items()}


def slow_best(pairs: list[tuple[str, str, float]], gold: set[tuple[str, str]]) -> float:
    """Return the threshold with the best F1 of all that split the pairs."""
    marks = sorted({score for *_, score in pairs}, reverse=True)
    best = (0.0, 0.0)
    for place, mark in enumerate(marks):
        kept = {(one, other) for one, other, score in pairs if score >= mark}
        f1 = 2 * len(kept & gold) / (len(kept) + len(gold))
        if f1 > best[0]:
            best = f1, (mark + marks[place + 1]) / 2 if place + 1 < len(marks) else mark
    return best[1]


def mined(sentences: list[Sentence], states: list[np.ndarray]) -> list[tuple[str, str, float]]:
    half = len(sentences) // 2
    found = mine(np.stack(states[:half]), np.stack(states[half:]))
    return [
        (sentences[i].id, sentences[half + j].id, float(score))
        for i, j, score in zip(found.foreign, found.english, found.score, strict=True)
    ]


@pytest.mark.parametrize("noise", [0.2, 0.6])
def test_dev_is_cross_fitted_and_tuned_on_itself_side_by_side(noise: float) -> None:
    sentences, states = made(40, 60, noise)
    pairs = mined(sentences, states)
    gold = {(s.id, s.translations[0]) for s in sentences if s.translations}
    tuned = slow_best(pairs, gold)
    fair = {}
    for half in (0, 1):
        others = [pair for pair in pairs if fold(pair[0]) != half]
        cut = slow_best(others, {pair for pair in gold if fold(pair[0]) != half})
        fair |= {one: other for one, other, score in pairs if fold(one) == half and score >= cut}
    expected = [
        ("", "")
        if s.english
        else (fair.get(s.id, ""), next((o for f, o, score in pairs if f == s.id and score >= tuned), ""))
        for s in sentences
    ]
    assert KIND.predict(encoded(sentences), states) == expected
    both = scores(sentences, expected)
    assert both["f1"] <= both["f1_dev_threshold"]


def test_the_gold_of_one_half_does_not_touch_the_threshold_of_that_half() -> None:
    sentences, states = made(40, 60, 0.5)
    before = KIND.predict(encoded(sentences), states)
    other = [
        s if s.english or fold(s.id) else Sentence(s.id, s.text, False, ("en-99",)) for s in sentences
    ]  # the gold of half 0 is turned to nonsense
    after = KIND.predict(encoded(other), states)
    for sentence, one, two in zip(sentences, before, after, strict=True):
        if not sentence.english and fold(sentence.id) == 0:
            assert one[0] == two[0]  # type: ignore[index]


def test_the_threshold_of_test_is_that_of_dev_whatever_the_gold_of_test() -> None:
    dev, dev_states = made(30, 40, 0.5, seed=1)
    test, states = made(25, 50, 0.5, seed=2)
    cut = slow_best(mined(dev, dev_states), {(s.id, s.translations[0]) for s in dev if s.translations})
    kept = {one: other for one, other, score in mined(test, states) if score >= cut}
    withheld = [Sentence(s.id, s.text, s.english, None) for s in test]
    found = KIND.predict(encoded(withheld, dev), [*states, *dev_states])
    assert [pair[0] for pair in found] == [kept.get(s.id, "") for s in test]  # type: ignore[index]
    assert all(pair[0] == pair[1] for pair in found)  # type: ignore[index]
    assert found == KIND.predict(encoded(test, dev), [*states, *dev_states])


class EachOnce(np.random.Generator):
    """Draws every example once, so that a draw is the sample itself."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def integers(self, low: int, *, size: tuple[int, int], dtype: type) -> np.ndarray:  # type: ignore[override]
        return np.tile(np.arange(low, dtype=dtype), (size[0], 1))


@pytest.mark.parametrize("own_dev", [True, False])
def test_what_a_threshold_needs_is_kept_so_that_the_sample_itself_gives_the_score(own_dev: bool) -> None:
    sentences, states = made(40, 20, 0.5)
    labelled, others = made(30, 10, 0.5, seed=1)
    corpora = encoded(sentences) if own_dev else encoded(sentences, labelled)
    found, tuning = KIND.answer(corpora, states if own_dev else [*states, *others])
    assert found == KIND.predict(corpora, states if own_dev else [*states, *others])
    assert tuning is not None and tuning.own.shape == (len(sentences), 4)
    assert (tuning.calibration is None) == own_dev
    calibration = None if tuning.calibration is None else tuning.calibration[None]
    drawn = retuned_f1(tuning.own[None], calibration, EachOnce(), EachOnce(), 2)
    assert drawn.tolist() == pytest.approx(np.full((1, 2), scores(sentences, found)["f1"]))
    withheld = [replace(one, translations=None) for one in sentences]
    if not own_dev:
        assert KIND.answer(encoded(withheld, labelled), [*states, *others])[1] is None


def test_sentences_of_equal_text_are_never_paired_and_stay_unfound() -> None:
    sentences, states = made(20, 20, 0.1)
    sentences[1] = Sentence("de-1", sentences[0].text, False, sentences[1].translations)
    states[1] = states[0]
    found = KIND.predict(encoded(sentences), states)
    assert found[0] == found[1] == ("", "")
    counts = KIND.outcomes(sentences, found, task("bucc2018"), "de")
    assert counts[:, 2].sum() == 20
    assert counts[0].tolist() == [0, 0, 1, 0, 0]


def official(sentences: list[Sentence], states: list[np.ndarray], k: int = 4) -> set[tuple[str, str]]:
    """Return the dev pairs of XTREME's flow: unify by text, mine, drop what repeats, tune, keep."""
    sides = []
    for english in (False, True):
        own = [(s, v) for s, v in zip(sentences, states, strict=True) if s.english is english]
        vectors = {s.text: v / np.linalg.norm(v) for s, v in own}
        texts = [s.text for s, _ in own]
        once = {s.text: s.id for s, _ in own if texts.count(s.text) == 1}
        sides.append((list(vectors), np.array(list(vectors.values()), np.float64), once))
    (foreign, x, ids), (english_texts, y, english_ids) = sides
    cosine = x @ y.T
    means = np.sort(cosine, axis=1)[:, -k:].mean(axis=1), np.sort(cosine, axis=0)[-k:].mean(axis=0)
    margin = cosine / ((means[0][:, None] + means[1]) / 2)
    near = np.argsort(-cosine, axis=1)[:, :k], np.argsort(-cosine, axis=0)[:k].T
    candidates = [
        (margin[i, near[0][i]].max(), i, near[0][i][margin[i, near[0][i]].argmax()]) for i in range(len(x))
    ]
    candidates += [
        (margin[near[1][j], j].max(), near[1][j][margin[near[1][j], j].argmax()], j) for j in range(len(y))
    ]
    seen: tuple[set[int], set[int]] = set(), set()
    pairs = []
    for score, i, j in sorted(candidates, reverse=True):
        if i not in seen[0] and j not in seen[1]:
            seen[0].add(int(i))
            seen[1].add(int(j))
            if foreign[i] in ids and english_texts[j] in english_ids:
                pairs.append((ids[foreign[i]], english_ids[english_texts[j]], score))
    gold = {(s.id, other) for s in sentences for other in s.translations or ()}
    best = threshold = 0.0
    for place, (*_, score) in enumerate(pairs):
        kept = {(one, other) for one, other, _ in pairs[: place + 1]}
        f1 = 2 * len(kept & gold) / (len(kept) + len(gold))
        if f1 > best:
            best = f1
            threshold = (score + pairs[place + 1][2]) / 2 if place + 1 < len(pairs) else score
    return {(one, other) for one, other, score in pairs if score >= threshold}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 20), st.integers(0, 20), st.sampled_from([0.2, 0.6, 1.5]), st.data()
)
def test_the_dev_threshold_keeps_what_the_published_flow_keeps(
    seed: int, count: int, distractors: int, noise: float, data: st.DataObject
) -> None:
    sentences, states = made(count, distractors, noise, seed)
    half = count + distractors
    for place in data.draw(st.lists(st.integers(0, 2 * half - 1), max_size=4)):  # some texts come twice
        other = data.draw(st.integers(0, half - 1)) + (half if place >= half else 0)
        old = sentences[place]
        sentences[place] = Sentence(old.id, sentences[other].text, old.english, old.translations)
        states[place] = states[other]
    found = KIND.predict(encoded(sentences), states)
    kept = {(s.id, pair[1]) for s, pair in zip(sentences, found, strict=True) if pair[1]}  # type: ignore[index]
    assert kept == official(sentences, states)


def test_outcomes_add_up_to_the_official_set_f1() -> None:
    sentences, states = made(30, 40, 0.7)
    found = KIND.predict(encoded(sentences), states)
    gold = {(s.id, other) for s in sentences for other in s.translations or ()}
    kept = {(s.id, p[0]) for s, p in zip(sentences, found, strict=True) if p[0]}  # type: ignore[index]
    both = scores(sentences, found)
    precision, recall = len(kept & gold) / len(kept), len(kept & gold) / len(gold)
    assert both["precision"] == pytest.approx(100 * precision)
    assert both["recall"] == pytest.approx(100 * recall)
    assert both["f1"] == pytest.approx(200 * precision * recall / (precision + recall))
    assert KIND.trials(sentences) == 30


def test_without_any_gold_nothing_can_be_chosen() -> None:
    sentences, states = made(5, 5, 0.1)
    withheld = [Sentence(s.id, s.text, s.english, None) for s in sentences]
    with pytest.raises(InputError, match="labelled dev data"):
        KIND.predict(encoded(withheld), states)
    with pytest.raises(InputError, match="withheld"):
        KIND.outcomes(withheld, [("", "")] * 20, task("bucc2018"), "de")


def write(folder: Path, split: str, language: str = "de", gold: bool = True, count: int = 6) -> None:
    """Write a corpus in XTREME's layout: `count` gold pairs between letters and distractors."""
    own = folder / "bucc2018"
    own.mkdir(parents=True, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyz"
    for side, step in ((language, 1), ("en", 2)):
        lines = [
            f"{side}-{i}\t{letters[i]} {letters[(i * step + 3) % 26]} {letters[(i + step) % 26]}"
            for i in range(count + 4)
        ]
        (own / f"{language}-en.{split}.{side}").write_text("\n".join(lines) + "\n")
    if gold:
        lines = [f"{language}-{i}\ten-{i}" for i in range(count)]
        (own / f"{language}-en.{split}.gold").write_text("\n".join(lines) + "\n")


def test_a_corpus_is_read_with_its_gold(tmp_path: Path) -> None:
    write(tmp_path, "dev")
    data = Data.open(DataSpec(str(tmp_path)))
    found = data.examples(task("bucc2018"), "de", "dev")
    assert found[0] == Sentence("de-0", "a d b", False, ("en-0",))
    assert found[9] == Sentence("de-9", "j m k", False, ())
    assert found[10] == Sentence("en-0", "a d c", True, ())
    assert len(found) == 20


def test_an_unlabelled_test_set_has_its_gold_withheld(tmp_path: Path) -> None:
    write(tmp_path, "test", gold=False)
    write(tmp_path, "dev")
    data = Data.open(DataSpec(str(tmp_path)))
    bucc = task("bucc2018")
    assert {s.translations for s in data.examples(bucc, "de", "test")} == {None}  # type: ignore[union-attr]
    assert [f.name for f in data.task_files(bucc, "de", "test")] == [
        "de-en.test.de", "de-en.test.en", "de-en.dev.de", "de-en.dev.en", "de-en.dev.gold",
    ]  # fmt: skip


def test_a_language_without_its_dev_set_has_no_test_set(tmp_path: Path) -> None:
    write(tmp_path, "test")
    write(tmp_path, "dev", language="fr")
    write(tmp_path, "test", language="fr")
    data = Data.open(DataSpec(str(tmp_path)))
    assert data.languages(task("bucc2018"), "test") == ("fr",)
    assert data.languages(task("bucc2018"), "dev") == ("fr",)


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("de", "de-77 no tab", r"de-en.dev.de:11: expected an id, a tab"),
        ("de", "de-3\tagain", r"de-en.dev.de:11: the id de-3 comes twice"),
        ("gold", "de-1\ten-99", r"gold:7: the id en-99 is not in de-en.dev.en"),
        ("gold", "de-1", r"gold:7: expected two ids"),
        ("gold", "de-1\ten-1", r"gold:7: the pair de-1, en-1 comes twice"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, name: str, line: str, message: str) -> None:
    write(tmp_path, "dev")
    file = tmp_path / "bucc2018" / f"de-en.dev.{name}"
    file.write_text(file.read_text() + line + "\n")
    own = tmp_path / "bucc2018"
    with pytest.raises(InputError, match=message):
        corpus(own / "de-en.dev.de", own / "de-en.dev.en", own / "de-en.dev.gold")


@given(st.integers(1, 12), st.lists(st.integers(0, 9), min_size=1, max_size=10))
def test_a_smaller_corpus_keeps_every_pair_of_its_foreign_sentences(limit: int, gold: list[int]) -> None:
    foreign = [Sentence(f"f{i}", "x", False, (f"e{other}",)) for i, other in enumerate(gold)]
    english = [Sentence(f"e{i}", "y", True, ()) for i in range(10)]
    found = limited([*foreign, *english], limit)
    kept = [s.id for s in found if not s.english]
    assert kept == [s.id for s in foreign[:limit]]
    there = {s.id for s in found if s.english}
    assert {own for s in foreign[:limit] for own in s.translations or ()} <= there
    assert len(there) == min(10, max(limit, len(set(gold[:limit]))))
    assert [s.id for s in found if s.english] == [s.id for s in english if s.id in there]
    assert limited([*foreign, *english], None) == [*foreign, *english]


def job(artifact: Artifact, root: Path, split: str) -> Job:
    asks = (Ask("bucc2018", ("de", "fr"), split),)
    return Job(
        "run", "c", "torch", 1, {"encoder": str(artifact.path)}, DataSpec(str(root)), asks, ("accuracy",)
    )


def test_the_probe_scores_dev_and_test_and_says_what_is_missing(
    torch_artifact: Callable[..., Artifact], tmp_path: Path
) -> None:
    artifact = torch_artifact("encoder", (), 2, "encoder")
    for split in ("dev", "test"):
        write(tmp_path / "data", split)
    write(tmp_path / "data", "test", language="fr")
    context = MeasurementContext(job(artifact, tmp_path / "data", "test"), tmp_path)
    rows = {(row.language, row.statistic): row for row in PROBE.measure(context)}
    context.close()
    assert rows["de", "f1"].value is not None
    assert rows["de", "f1"].value == rows["de", "f1_dev_threshold"].value
    assert rows["de", "f1"].examples == 6
    assert rows["fr", "f1"].status == "missing"
    assert rows["fr", "f1"].error == "no test examples, or no dev examples in the data"
    kept = np.load(tmp_path / "outcomes" / "bucc2018.npz")
    assert kept["de"].shape == (20, 5)
    tuning = np.load(tmp_path / "outcomes" / "bucc2018-tuning.npz")
    assert set(tuning.files) == {"columns", "de", "de-calibration"}
    assert tuning["de"].shape == tuning["de-calibration"].shape == (20, 4)
    assert (tuning["de"][:, 2] == kept["de"][:, 2]).all()
    context = MeasurementContext(job(artifact, tmp_path / "data", "dev"), tmp_path)
    rows = {(row.language, row.statistic): row for row in PROBE.measure(context)}
    context.close()
    assert rows["de", "f1_dev_threshold"].value >= rows["de", "f1"].value - 1e-9  # type: ignore[operator]


def test_test_and_dev_are_encoded_together(torch_artifact: Callable[..., Artifact], tmp_path: Path) -> None:
    write(tmp_path, "dev")
    tokenizer = TextEncoder(torch_artifact("encoder").file("tokenizer.json"))
    sentences = corpus(*(tmp_path / "bucc2018" / f"de-en.dev.{side}" for side in ("de", "en")))
    alone = KIND.encode(sentences, tokenizer, task("bucc2018"))
    both = KIND.encode_calibrated(sentences, sentences[:3], tokenizer, task("bucc2018"))
    assert both.input_ids == [*alone.input_ids, *alone.input_ids[:3]]
    assert both.examples == alone.examples == 20


@pytest.mark.real
def test_the_real_dev_set_has_its_published_size() -> None:
    if not (REAL / "xtreme" / "bucc2018").is_dir():
        pytest.skip("the shared data is not here")
    found = Data.open(DataSpec(str(REAL))).examples(task("bucc2018"), "zh", "dev")
    foreign = [s for s in found if isinstance(s, Sentence) and not s.english]
    assert (len(foreign), len(found) - len(foreign)) == (8624, 13589)
    assert KIND.trials(found) == 257
