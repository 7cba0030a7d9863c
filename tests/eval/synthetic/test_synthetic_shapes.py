"""The embedded data set's files on names, spans, choices, mining, paraphrases and translations."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.synthetic.choices import IMPOSSIBLE
from xpareto.eval.synthetic.comparable import BUCC_LANGUAGES, BUCC_SIZES
from xpareto.eval.synthetic.entities import COMPANIES, KINDS, PLACES, Fact, fact, running, tokens
from xpareto.eval.synthetic.inference import LABELS
from xpareto.eval.synthetic.languages.meaning import OBJECTS, Clause, Thing
from xpareto.eval.synthetic.questions import ORDERS, SENTENCES, Asked, passage, question
from xpareto.eval.synthetic.realize import LANGUAGES, text
from xpareto.eval.synthetic.sentences import PAWSX_LANGUAGES, SIZES
from xpareto.eval.synthetic.write import write_data
from xpareto.eval.tasks import Question, task


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedded")
    write_data(folder)
    return folder


@pytest.fixture(scope="module")
def data(root: Path) -> Data:
    return Data.open(DataSpec(root=str(root)))


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def json_lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(file)]


def glued(line: str) -> str:
    return line.replace(" ", "")


@pytest.mark.parametrize("name", ["bucc2018", "panx", "pawsx", "tatoeba", "udpos", "xnli", "xquad"])
def test_the_tasks_find_their_files_in_all_languages_they_share_with_the_generator(
    data: Data, name: str
) -> None:
    wanted = task(name)
    there = data.languages(wanted)
    shared = set(LANGUAGES) & set(wanted.languages) - ({"en"} if name == "tatoeba" else set())
    assert set(there) == shared
    assert all(data.examples(wanted, language) for language in there)


@pytest.mark.parametrize("name", ["commonsenseqa", "mnli", "panx", "pawsx", "squad_v1", "udpos"])
def test_the_training_sets_find_their_files(data: Data, name: str) -> None:
    assert len(data.training(name, "train")) >= 1000
    assert len(data.training(name, "dev")) >= 50


# --- names -------------------------------------------------------------------------------------


def tagged(file: Path) -> list[list[tuple[str, str]]]:
    blocks = [block for block in file.read_text("utf-8").split("\n\n") if block]
    return [[(row.split("\t")[0], row.split("\t")[1]) for row in block.split("\n")] for block in blocks]


def test_tag_sequences_are_valid_iob2_of_three_kinds(root: Path) -> None:
    for file in (root / "xtreme/panx").iterdir():
        kinds = Counter[str]()
        for sentence in tagged(file):
            before = "O"
            for token, tag in sentence:
                assert token and not any(character.isspace() for character in token), file
                assert not tag.startswith("I-") or before[2:] == tag[2:], (file, sentence)
                kinds[tag[2:]] += tag.startswith("B-")
                before = tag
        assert set(kinds) == {"", "LOC", "ORG", "PER"}
        assert min(kinds[kind] for kind in ("LOC", "ORG", "PER")) > 0.1 * kinds.total(), file


def test_a_sentence_names_the_same_in_every_language(root: Path) -> None:
    def named(code: str) -> list[Counter[str]]:
        return [
            Counter(tag for _, tag in sentence if tag.startswith("B-"))
            for sentence in tagged(root / f"xtreme/panx/test-{code}.tsv")
        ]

    assert all(named(code) == named("en") for code in LANGUAGES)


def test_a_city_is_a_place_or_a_part_of_an_organisation_as_the_sentence_has_it(root: Path) -> None:
    tags = Counter(
        tag for row in tagged(root / "xtreme/panx/train-en.tsv") for word, tag in row if word in PLACES
    )
    assert set(tags) == {"B-LOC", "B-ORG", "I-ORG"}  # Rome; Rome University; University of Rome
    assert min(tags.values()) > 0.15 * tags.total()
    assert 0.7 < tags["B-ORG"] / tags["I-ORG"] < 1.4  # either order


ANNA = Fact("works", ("Anna", "Weber"), ("Oscar", "Novak"), "Vienna", "bank", "Athens")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", "Anna Weber works at the Bank of Athens."),
        ("de", "Anna Weber arbeitet bei der Bank Athen."),
        ("ru", "Анна Вебер работает в Банке Афин."),
        ("el", "Η Άννα Βέμπερ δουλεύει στην Τράπεζα της Αθήνας."),
        ("hi", "अन्ना वेबर एथेंस बैंक में काम करती है।"),
        ("zh", "安娜·韦伯在雅典银行工作。"),
    ],
)
def test_each_language_declines_names_its_own_way(code: str, expected: str) -> None:
    assert text(running(tokens(ANNA, code)), code) == expected


def test_an_entity_keeps_the_kind_of_its_slot_in_every_kind_of_fact_and_language() -> None:
    for kind in dict.fromkeys(KINDS):
        one = fact(Random(1), (kind,))
        counts = {
            code: Counter(word.tag for word in tokens(one, code) if word.tag.startswith("B-"))
            for code in LANGUAGES
        }
        assert len(set(map(str, map(sorted, (count.items() for count in counts.values()))))) == 1, counts
    lumora = Fact("buys", ("Anna", "Weber"), ("Oscar", "Novak"), "Rome", COMPANIES[0], "Rome")
    assert [word.tag for word in tokens(lumora, "hi")][:2] == ["B-ORG", "B-LOC"]


def test_an_english_institution_has_one_name_and_a_foreign_person_is_one_word_without_spaces() -> None:
    people = ("Anna", "Weber"), ("Oscar", "Novak")
    rome, berlin = (Fact("works", *people, "Paris", "bank", city) for city in ("Rome", "Berlin"))
    assert text(running(tokens(rome, "en")), "en") == "Anna Weber works at the Bank of Rome."
    assert text(running(tokens(berlin, "en")), "en") == "Anna Weber works at the Berlin Bank."
    assert tokens(rome, "zh")[0] == ("安娜·韦伯", "B-PER")


# --- spans -------------------------------------------------------------------------------------


def questions(data: Data, code: str) -> list[Question]:
    return [one for one in data.examples(task("xquad"), code) if isinstance(one, Question)]


def test_every_answer_stands_at_its_offset_and_one_sentence_holds_it(data: Data, root: Path) -> None:
    train = [one for one in data.training("squad_v1", "train") if isinstance(one, Question)]
    for one in [*train, *(one for code in LANGUAGES for one in questions(data, code))]:
        assert one.answers is not None
        (answer,) = one.answers
        assert one.context[answer.start :].startswith(answer.text), one
        assert not any(stop in answer.text for stop in ".।。?"), one


def test_xquad_is_parallel_and_its_questions_are_of_all_sorts(data: Data) -> None:
    english = questions(data, "en")
    sorts = Counter(one.question.split()[0] for one in english)
    assert set(sorts) == {"Who", "What", "Where"}
    assert min(sorts.values()) > 0.15 * sorts.total()
    for code in LANGUAGES:
        assert [one.id for one in questions(data, code)] == [one.id for one in english]


def test_in_a_passage_no_other_sentence_could_answer() -> None:
    for number in range(200):
        clauses = passage(Random(number))
        for of in (
            [clause.subjects[0].noun for clause in clauses],
            [clause.verb for clause in clauses],
            [clause.place for clause in clauses],
        ):
            assert len(set(of)) == SENTENCES


WOMAN = Clause((Thing("woman"),), "buy", Thing("car", 1, "indef", "new"), place="city")
EXPECTED = {
    "de": ("Wer kauft ein neues Auto in der Stadt?", "Was kauft die Frau in der Stadt?",
           "Wo kauft die Frau ein neues Auto?"),
    "el": ("Ποιος αγοράζει ένα καινούριο αυτοκίνητο στην πόλη;", "Τι αγοράζει η γυναίκα στην πόλη;",
           "Πού αγοράζει η γυναίκα ένα καινούριο αυτοκίνητο;"),
    "en": ("Who buys a new car in the city?", "What does the woman buy in the city?",
           "Where does the woman buy a new car?"),
    "hi": ("कौन शहर में एक नई गाड़ी ख़रीदता है?", "औरत शहर में क्या ख़रीदती है?", "औरत कहाँ एक नई गाड़ी ख़रीदती है?"),
    "ru": ("Кто покупает новую машину в городе?", "Что покупает женщина в городе?",
           "Где женщина покупает новую машину?"),
    "zh": ("谁在城市里买一辆新的汽车？", "女人在城市里买什么？", "女人在哪里买一辆新的汽车？"),
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(ORDERS))
def test_each_language_asks_in_its_own_order(code: str) -> None:
    asked = [Asked((WOMAN,), 0, role) for role in ("who", "what", "where")]
    assert tuple(text(question(one, code), code) for one in asked) == EXPECTED[code]


# --- choices -----------------------------------------------------------------------------------


def test_one_option_of_five_can_be_and_no_position_is_favoured(root: Path) -> None:
    rows = json_lines(root / "intermediate/commonsenseqa/train_rand_split.jsonl")
    keys = Counter(row["answerKey"] for row in rows)
    assert set(keys) == set("ABCDE")
    assert max(keys.values()) - min(keys.values()) <= 1
    for row in rows:
        options = {option["label"]: option["text"] for option in row["question"]["choices"]}
        assert list(options) == list("ABCDE")
        assert len(set(options.values())) == 5, row
    assert all(not set(OBJECTS[verb]) & set(nouns) for verb, nouns in IMPOSSIBLE.items())


# --- mining ------------------------------------------------------------------------------------


PEOPLE = {
    "de": {"Anna": "Anna", "Peter": "Peter", "newspaper": "Zeitung"},
    "ru": {"Anna": "Анна", "Maria": "Мария", "Peter": "Пётр", "Thomas": "Томас"},
    "zh": {"Anna": "安娜", "Maria": "玛丽亚", "Peter": "彼得", "Thomas": "托马斯", "school": "学校"},
}


@pytest.mark.parametrize("split", ["dev", "test"])
def test_gold_pairs_are_one_to_one_the_same_in_all_languages_and_name_the_same_persons(
    root: Path, split: str
) -> None:
    sides = {}
    for code in BUCC_LANGUAGES:
        stem = f"{code}-en.{split}"
        corpora = [
            dict(line.split("\t") for line in lines(root / f"xtreme/bucc2018/{stem}.{side}"))
            for side in (code, "en")
        ]
        gold = [line.split("\t") for line in lines(root / f"xtreme/bucc2018/{stem}.gold")]
        foreign, english, pairs = BUCC_SIZES[split]
        assert (len(corpora[0]), len(corpora[1]), len(gold)) == (foreign, english, pairs)
        assert len({*corpora[0].values()}) == foreign, "no sentence twice"
        assert len({*corpora[1].values()}) == english
        sides[code] = {corpora[1][right]: corpora[0][left] for left, right in gold}
    assert len({tuple(sorted(side)) for side in sides.values()}) == 1
    for code, people in PEOPLE.items():
        for english, foreign in sides[code].items():
            for name, own in people.items():
                assert (name in english) == (own in foreign), (english, foreign)
    # the same meanings are shared by all languages, so one language checks another
    said = {code: set(lines(root / f"xtreme/tatoeba/{code}-en.{code}")) for code in BUCC_LANGUAGES}
    assert not any(set(side.values()) & said[code] for code, side in sides.items())


# --- paraphrases and translations --------------------------------------------------------------


def table(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter="\t"))


def test_paraphrases_and_their_opposites_have_the_same_words(root: Path) -> None:
    rows = table(root / "xtreme/pawsx/train-en.tsv")
    labels = Counter(row[2] for row in rows)
    assert labels["0"] == labels["1"] == SIZES["pawsx-train"] / 2
    swapped = 0
    for first, second, label in rows:
        one, other = (sorted(side.lower().replace(",", "").rstrip(".").split()) for side in (first, second))
        swapped += one == other
        assert first != second
        halves = [set(side.rstrip(".").lower().split(", and ")) for side in (first, second)]
        assert (halves[0] == halves[1]) == (label == "1"), (first, second)
    assert swapped > 0.9 * len(rows)  # else the verb agrees with another number
    for code in PAWSX_LANGUAGES:
        labels_there = [row[2] for row in table(root / f"xtreme/pawsx/test-{code}.tsv")]
        assert labels_there == [row[2] for row in table(root / "xtreme/pawsx/test-en.tsv")]


def test_translated_mnli_has_the_same_fields_and_the_same_pairs_in_every_language(root: Path) -> None:
    english = {row["sentence1"]: row for row in json_lines(root / "intermediate/mnli/train.jsonl")}
    assert set(next(iter(english.values()))) == {"sentence1", "sentence2", "label"}
    labels = set()
    for code in set(LANGUAGES) - {"en"}:
        rows = json_lines(root / f"intermediate/mnli/{code}/train.jsonl")
        assert len(rows) == SIZES["mnli-translated"]
        assert all(row.keys() == {"sentence1", "sentence2", "label"} for row in rows)
        labels.add(tuple(row["label"] for row in rows))
    assert len(labels) == 1
    assert set(labels.pop()) == set(LABELS)


# --- leaks -------------------------------------------------------------------------------------


def test_no_sentence_or_question_of_the_new_tests_is_in_training_or_parallel_text(
    root: Path, data: Data
) -> None:
    held: dict[str, set[str]] = {code: set() for code in LANGUAGES}
    for code in LANGUAGES:
        for one in questions(data, code):
            held[code].add(glued(one.question))
            stop = {"hi": "।", "zh": "。"}.get(code, ".")
            held[code] |= {glued(part + stop) for part in one.context.split(stop) if part.strip()}
    for code in LANGUAGES:
        held[code] |= {
            glued("".join(token for token, _ in sentence))
            for sentence in tagged(root / f"xtreme/panx/test-{code}.tsv")
        }
    for code in PAWSX_LANGUAGES:
        held[code] |= {
            glued(side) for row in table(root / f"xtreme/pawsx/test-{code}.tsv") for side in row[:2]
        }
    for code in BUCC_LANGUAGES:
        for side in (code, "en"):
            rows = lines(root / f"xtreme/bucc2018/{code}-en.test.{side}")
            held[side] |= {glued(row.split("\t")[1]) for row in rows}
    for code in LANGUAGES:
        seen = {glued(line) for line in lines(root / f"text/parallel/{code}.txt")}
        if code != "en":
            translated = json_lines(root / f"intermediate/mnli/{code}/train.jsonl")
            seen |= {glued(row[side]) for row in translated for side in ("sentence1", "sentence2")}
        assert held[code]
        assert not held[code] & seen, code
    english = {
        glued(row[side])
        for row in json_lines(root / "intermediate/mnli/train.jsonl")
        for side in ("sentence1", "sentence2")
    }
    english |= {glued(side) for row in table(root / "xtreme/pawsx/train-en.tsv") for side in row[:2]}
    for file in ("panx", "udpos"):
        rows = tagged(root / f"xtreme/{file}/train-en.tsv")
        english |= {glued("".join(token for token, _ in sentence)) for sentence in rows}
    for one in data.training("squad_v1", "train"):
        assert isinstance(one, Question)
        english.add(glued(one.question))
        english |= {glued(part + ".") for part in one.context.split(".") if part.strip()}
    rows_asked = json_lines(root / "intermediate/commonsenseqa/train_rand_split.jsonl")
    english |= {glued(row["question"]["stem"]) for row in rows_asked}
    assert not held["en"] & english


def test_the_notice_says_that_persons_and_organisations_are_made_up(root: Path) -> None:
    assert "made up" in (root / "SYNTHETIC").read_text("utf-8")
