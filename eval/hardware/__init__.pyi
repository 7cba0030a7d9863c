from .energy_meter import (
    EnergyMeter as EnergyMeter,
    Joules as Joules,
    Spent as Spent,
    carbon_intensity as carbon_intensity,
    machine_energy as machine_energy,
)
from .gpu_energy import Cards as Cards
from .interference import (
    Counters as Counters,
    load_between as load_between,
    processor_seconds as processor_seconds,
)
from .machine import (
    abilities as abilities,
    cpu_model as cpu_model,
    machine_facts as machine_facts,
    usable_cores as usable_cores,
    vector_flags as vector_flags,
)
from .rapl import PowerCounter as PowerCounter
