from __future__ import annotations

import matplotlib
from hypothesis import HealthCheck, settings

# Not through MPLBACKEND: the notebooks' kernels would inherit it, and their figures would leave no output.
matplotlib.use("agg")
matplotlib.rcParams["figure.max_open_warning"] = 0  # tests and doctests open many figures in one process

settings.register_profile(
    "adlkit",
    derandomize=True,  # the same examples on every machine
    database=None,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("adlkit")
