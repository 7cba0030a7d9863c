from .depth import ORACLE as ORACLE, curves as curves, drawn as drawn
from .effort import effort_view as effort_view, energy_bars as energy_bars, latency_view as latency_view
from .energy import (
    GROSS as GROSS,
    energy_bases as energy_bases,
    energy_rows as energy_rows,
    energy_words as energy_words,
    short_windows as short_windows,
)
from .file_sizes import sizes as sizes
from .process import (
    LOAD_NOTE as LOAD_NOTE,
    clock_drift as clock_drift,
    clock_words as clock_words,
    load_times as load_times,
)
from .roofline import (
    ROOFLINE_NOTE as ROOFLINE_NOTE,
    TIMES_NOTE as TIMES_NOTE,
    reached as reached,
    spent as spent,
)
from .stacked_bars import bars as bars
