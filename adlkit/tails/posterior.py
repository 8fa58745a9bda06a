"""Shape and scale as the data leave them: draws from their posterior distribution."""

from __future__ import annotations

import numpy as np

from adlkit.contracts import Floats
from adlkit.tails.pareto import LEAST_SHAPE, hazard, scale_given

SHAPES, SCALES = 71, 41
"""Points of the grid."""
WIDTH = 7.0
"""Its half width in standard deviations."""


def draw_posterior(excess: Floats, shape: float, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draws of shape and scale under the prior exp(-shape) / scale, for shapes above -1.

    The grid is one of shapes, and for each of them one of log scales around the best; a draw is a cell of it, and a
    place within the cell.
    """
    spread = WIDTH * (1.0 + max(shape, 0.0)) / np.sqrt(len(excess))
    shapes, step = np.linspace(max(shape - spread, LEAST_SHAPE + 0.02), shape + spread, SHAPES, retstep=True)
    width = WIDTH * np.sqrt(np.maximum(1.0 + 2.0 * shapes, 0.25) / len(excess))
    offsets, cell = np.linspace(-1.0, 1.0, SCALES, retstep=True)
    centres = np.log(scale_given(excess, shapes))
    log_scales = centres[:, None] + width[:, None] * offsets
    total = hazard(excess, shapes[:, None, None], np.exp(log_scales)[..., None]).sum(axis=-1)
    # prior x likelihood x area of a cell, whose width in log scale differs by shape
    height = -len(excess) * log_scales - (1.0 + shapes[:, None]) * total - shapes[:, None] + np.log(width)[:, None]
    weight = np.exp(height - height.max())
    rows, columns = np.divmod(rng.choice(weight.size, n, p=(weight / weight.sum()).ravel()), SCALES)
    place = rng.random((2, n)) - 0.5
    scale = np.exp(log_scales[rows, columns] + width[rows] * cell * place[1])
    return shapes[rows] + step * place[0], _reaching(excess, shapes[rows] + step * place[0], scale)


def _reaching(excess: Floats, shape: Floats, scale: Floats) -> Floats:
    """Scales, raised by less than a cell where a place within it would end the distribution short of the record."""
    return np.asarray(np.maximum(scale, -shape * excess.max()))
