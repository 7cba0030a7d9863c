from .batching import (
    Batch as Batch,
    Batches as Batches,
    Epochs as Epochs,
    IGNORED as IGNORED,
    Rows as Rows,
    collated as collated,
    example_lengths as example_lengths,
    pad as pad,
    sorted_order as sorted_order,
)
from .calibration import (
    Calibration as Calibration,
    CalibrationBatch as CalibrationBatch,
    CalibrationSet as CalibrationSet,
    draw as draw,
)
from .mlm import (
    Lines as Lines,
    MaskedBatches as MaskedBatches,
    encode_lines as encode_lines,
    mask_tokens as mask_tokens,
)
from .sampling import (
    CAP as CAP,
    Draws as Draws,
    Mixture as Mixture,
    Sampling as Sampling,
    TASK as TASK,
    capped_total as capped_total,
    rates as rates,
)
from .sharding import labelled as labelled, share as share
from .special_tokens import SpecialTokens as SpecialTokens
from .text import read_lines as read_lines
from .tokenizer_files import (
    TOKENIZER as TOKENIZER,
    TOKENIZER_CONFIG as TOKENIZER_CONFIG,
    check_tokenizer_size as check_tokenizer_size,
    copy_tokenizer as copy_tokenizer,
    import_tokenizer as import_tokenizer,
    tokenizer_file as tokenizer_file,
    tokenizer_size as tokenizer_size,
    write_tokenizer_config as write_tokenizer_config,
)
