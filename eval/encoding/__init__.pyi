from .choices import encode_choices as encode_choices
from .packing import (
    first_tokens as first_tokens,
    is_packed as is_packed,
    pack as pack,
    positions as positions,
    refuse_packed as refuse_packed,
    visible as visible,
)
from .qa_answers import best_answers as best_answers, n_best as n_best
from .qa_windows import (
    EncodedQuestions as EncodedQuestions,
    encode_questions as encode_questions,
    training_windows as training_windows,
)
from .text import (
    Encoded as Encoded,
    IGNORED as IGNORED,
    TextEncoder as TextEncoder,
    TrainingExamples as TrainingExamples,
    encode_pairs as encode_pairs,
    encode_tagged as encode_tagged,
)
from .training import training_examples as training_examples
