from .choice import (
    NEVER as NEVER,
    chosen as chosen,
    entry_shares as entry_shares,
    piece_counts as piece_counts,
    scripts_in_use as scripts_in_use,
)
from .fertility_audit import audit as audit, by_script as by_script
from .low_rank import factorize as factorize
from .rows import keep_rows as keep_rows, parameter_bytes as parameter_bytes, put_low_rank as put_low_rank
from .scripts import SCRIPTS as SCRIPTS, name_of as name_of, scripts_of as scripts_of
from .tokenizer_json import UnigramFile as UnigramFile
