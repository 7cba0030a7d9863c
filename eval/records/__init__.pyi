from .measurement import (
    Basis as Basis,
    ENERGY_WINDOW as ENERGY_WINDOW,
    LEAST_INFERENCES as LEAST_INFERENCES,
    LEAST_WINDOW_SECONDS as LEAST_WINDOW_SECONDS,
    LOAD as LOAD,
    Measurement as Measurement,
    append_rows as append_rows,
    read_rows as read_rows,
    to_json as to_json,
    write_parquet as write_parquet,
)
