from .choose import show_choice as show_choice
from .compare import show_comparison as show_comparison
from .diff import show_diff as show_diff
from .ending import show_ending as show_ending
from .scores import scores_json as scores_json
from .scores import scores_text as scores_text
from .tables import printer as printer
