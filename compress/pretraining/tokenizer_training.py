"""Train a unigram tokenizer with XLM-R's special tokens on text of many languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from xpareto.compress.pretraining.unigram import unigram_pieces

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")  # ids 0 to 3, as XLM-R has them; <mask> comes last
MASK = "<mask>"


def balanced(text: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield lines such that every language gives about as many characters as the median language.

    Small languages are repeated, large ones cut, so that each gets its share of the vocabulary.

    >>> list(balanced({"a": ["xx"], "b": ["yyyy"], "c": ["z"] * 9}))
    ['xx', 'xx', 'yyyy', 'z', 'z', 'z', 'z']
    """
    sizes = {language: sum(map(len, lines)) for language, lines in text.items()}
    budget = median(size for size in sizes.values() if size)
    for language in sorted(text):
        taken = 0
        while sizes[language] and taken < budget:
            for line in text[language]:
                if line:
                    yield line
                    taken += len(line)
                if taken >= budget:
                    break


def train_tokenizer(text: Mapping[str, Sequence[str]], vocab_size: int, file: Path) -> int:
    """Write a tokenizer.json of at most `vocab_size` pieces, special ones included; return their number.

    Unigram model (Kudo 2018), NFKC, words marked with "▁", and XLM-R's templates
    ``<s> A </s>`` and ``<s> A </s></s> B </s>``. Equal text gives equal bytes.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    marked = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    splitter = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), marked])
    normalizer = normalizers.NFKC()
    words: Counter[str] = Counter()
    for line in balanced(text):
        words.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(line)))
    pieces = unigram_pieces(words, vocab_size - len(SPECIAL) - 1)
    vocab = [*((name, 0.0) for name in SPECIAL), *pieces, (MASK, 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=SPECIAL.index("<unk>")))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.add_special_tokens([*SPECIAL, MASK])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    size = tokenizer.get_vocab_size()
    assert tokenizer.token_to_id(MASK) == size - 1
    tokenizer.save(str(file))
    return int(size)
