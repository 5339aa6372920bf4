"""Functions that numpy lacks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def log_gamma(x: Array) -> Array:
    """Ln Gamma(x) for x > 0, to about 1e-9: Stirling's series at x + 7 (Abramowitz and Stegun 6.1.41, 6.1.15)."""
    u = x * (x + 6.0)  # x (x+6), (x+1)(x+5), (x+2)(x+4) and (x+3)
    product = u * (u + 5.0) * (u + 8.0) * (x + 3.0)
    z = x + 7.0
    inverse = 1.0 / z
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square / 1260))
    out: Array = (z - 0.5) * np.log(z) - z + (HALF_LOG_2PI + series) - np.log(product)
    return out


def log_beta_binomial(k: Array, n: Array, mean: Array, variance: Array) -> Array:
    """
    Ln of the chance of k of n when the rate itself is uncertain (beta with this mean and variance).

    Without the binomial coefficient, which is the same for all hypotheses. Arrays broadcast.
    """
    size = np.maximum(mean * (1 - mean) / variance - 1, 0.5)
    hits, misses = mean * size, (1 - mean) * size
    six = np.empty((6, *size.shape))
    np.add(k, hits, out=six[0])
    np.add(n - k, misses, out=six[1])
    np.add(n, size, out=six[2])
    six[3], six[4], six[5] = hits, misses, size
    told = log_gamma(six)
    out: Array = told[0] + told[1] - told[2] - told[3] - told[4] + told[5]
    return out


def log_gamma_poisson(k: Array, exposure: Array, shape: Array, rate: Array) -> Array:
    """Ln of the chance of k events, whose rate is gamma-distributed (shape, rate), without the factor 1/k!."""
    both = np.empty((2, *np.broadcast_shapes(k.shape, shape.shape)))
    np.add(k, shape, out=both[0])
    both[1] = shape
    told = log_gamma(both)
    total = rate + exposure
    seen = k * np.log(np.maximum(exposure, 1e-300) / total)  # 0 where k is
    out: Array = told[0] - told[1] + shape * np.log(rate / total) + seen
    return out


def normal_above(x: Array) -> Array:
    """The chance that a standard normal variable is above x (Abramowitz and Stegun 7.1.26; error below 2e-7)."""
    size = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * size)
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    half = 0.5 * tail * np.exp(-size * size)
    out: Array = np.where(x >= 0, half, 1 - half)
    return out
