"""
The service under release: its routes, the latency of each, and the buckets in which latency is counted.

Latency of a route is a log-normal body with a heavy log-normal tail, as request times of web services are
(assumption; Downey 2001 "The structural cause of file size distributions" fits the like). A change of the latency is a
factor on time, so every distribution needed is a row of one table, looked up by the logarithm of the factor.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

SHARES = np.array([0.55, 0.27, 0.15, 0.03])  # of the requests, per route
FAILS = np.array([0.8, 1.2, 1.3, 1.5])  # failure rate of a route in units of the service's (made to average 1 below)
FAILS = FAILS / float(SHARES @ FAILS)
MEDIAN = np.array([0.010, 0.022, 0.036, 0.090])  # seconds, per route
BODY, TAIL, TAIL_SHARE, TAIL_SHIFT = 0.45, 0.80, 0.04, 1.3  # sd and sd (log), share of requests, log factor of the tail

FINITE = np.concatenate(([0.0], 0.001 * 10 ** (np.arange(41) / 10.0)))  # 1 ms to 10 s, ten a decade
EDGES = np.concatenate((FINITE, [math.inf]))  # (buckets + 1,), seconds
BUCKETS = len(EDGES) - 1
ROUTES = len(SHARES)

STEP = 0.004  # log factor between two rows of the table
LOWEST, HIGHEST = -1.5, 4.0  # log factors

MEMORY_LIMIT = 512.0 * 2**20  # bytes


def _normal_cdf(z: Floats) -> Floats:
    return np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z.ravel()]).reshape(z.shape)


@cache
def survival(route: int) -> tuple[Floats, Floats]:
    """Log latency relative to the route's median, ascending (grid,), and the share of requests slower (grid,)."""
    grid = np.arange(-12.0, 12.0, 0.002)
    body, tail = _normal_cdf(-grid / BODY), _normal_cdf(-(grid - TAIL_SHIFT) / TAIL)
    share = TAIL_SHARE * (1 + 0.5 * (route == ROUTES - 1))
    return grid, mixed(body, tail, share)


def mixed(usual: Floats, other: Floats, part: float) -> Floats:
    """A part of the one and the rest of the other."""
    made: Floats = (1 - part) * usual + part * other
    return made


def slower(route: int, seconds: Floats, log_factor: Floats) -> Floats:
    """Share of the route's requests slower than so many seconds when latency is exp(log_factor) of the usual."""
    grid, above = survival(route)
    with np.errstate(divide="ignore"):
        at = np.log(seconds / MEDIAN[route]) - log_factor
    made: Floats = np.interp(at, grid, above, left=1.0, right=0.0)
    return made


@cache
def table() -> Floats:
    """Bucket probabilities (routes, log factors, buckets)."""
    factors = np.arange(LOWEST, HIGHEST + STEP, STEP)[:, None]
    made = np.empty((ROUTES, len(factors), BUCKETS))
    for route in range(ROUTES):
        above = np.concatenate((slower(route, FINITE[None, :], factors), np.zeros_like(factors)), axis=1)
        made[route] = above[:, :-1] - above[:, 1:]
    return made


def row(log_factor: Floats) -> npt.NDArray[np.intp]:
    """Index of the table's row for each log factor, any shape."""
    held = np.clip(log_factor, LOWEST, HIGHEST)
    return np.rint((held - LOWEST) / STEP).astype(np.intp)


@cache
def usual_p95() -> float:
    """Seconds below which 95 % of the stable version's requests are, all routes together."""
    seconds = np.exp(np.linspace(math.log(0.002), math.log(10.0), 4000))
    above = sum(float(SHARES[route]) * slower(route, seconds, np.zeros(1)) for route in range(ROUTES))
    return float(np.interp(-0.05, -np.asarray(above), seconds))


@cache
def slow_table() -> Floats:
    """Share of requests slower than the usual p95 (routes, log factors)."""
    factors = np.arange(LOWEST, HIGHEST + STEP, STEP)
    limit = np.array([usual_p95()])
    return np.stack([slower(route, limit, factors) for route in range(ROUTES)])
