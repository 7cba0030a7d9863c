from .best_arm import FILE as FILE, best_arm_markdown as best_arm_markdown
from .claims import claims_markdown as claims_markdown
from .compared import (
    VERDICTS as VERDICTS,
    basis as basis,
    comparison_markdown as comparison_markdown,
    headline as headline,
    interval as interval,
    p_text as p_text,
    ratio_interval as ratio_interval,
    tally as tally,
)
from .compared_caveats import caveats_of as caveats_of
