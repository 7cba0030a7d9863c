from ._kind import Calibrated as Calibrated, Kind as Kind, TUNING as TUNING, Tuning as Tuning
