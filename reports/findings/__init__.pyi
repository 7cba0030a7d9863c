from .answer import decided as decided, loss as loss, method as method, picks as picks
from .caveat_rules import caveats as caveats, changed_text as changed_text, incomplete_text as incomplete_text
from .disparity import columns as columns, disparities as disparities
from .domination import domination_rows as domination_rows, dominations as dominations
from .lead import (
    TOLERANCE as TOLERANCE,
    arms_compared as arms_compared,
    as_measured as as_measured,
    cheapest as cheapest,
    headline as headline,
    main_cost as main_cost,
    opening as opening,
    priced as priced,
    standing as standing,
)
from .membership import knee_words as knee_words, panels as panels
from .noise import noise_rows as noise_rows
from .score_changes import (
    change_tasks as change_tasks,
    change_words as change_words,
    changes as changes,
    versus_baseline as versus_baseline,
)
from .statistical_caveats import informed_caveats as informed_caveats
from .systems import (
    Point as Point,
    binomial as binomial,
    intervals as intervals,
    on_frontier as on_frontier,
    points as points,
    system_values as system_values,
)
from .waterfall import waterfalls as waterfalls
