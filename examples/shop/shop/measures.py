"""
What an instance counts about itself, in Prometheus' text format.

By hand, because it is a page of code and importing the client library would take a quarter of the start time.
"""

import bisect
import os
import resource
import sys
import time
from itertools import accumulate
from pathlib import Path

from shop.release import Release

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds


class Measures:
    """Customers' requests by status code and duration."""

    def __init__(self, release: Release) -> None:
        self.codes: dict[int, int] = {}
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.started = time.time()
        names = {"component": release.component, "version": release.version, "digest": release.digest or ""}
        self.info = ",".join(f'{name}="{value}"' for name, value in names.items())

    def count(self, code: int, seconds: float) -> None:
        """Note one answered request."""
        self.codes[code] = self.codes.get(code, 0) + 1
        self.buckets[bisect.bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def text(self) -> bytes:
        """Everything, as a scraper wants it."""
        bounds = [*map(str, BOUNDS), "+Inf"]
        total = sum(self.buckets)
        lines = [
            "# HELP shop_requests_total Customers' requests answered, by status code.",
            "# TYPE shop_requests_total counter",
            *(f'shop_requests_total{{code="{code}"}} {n}' for code, n in sorted(self.codes.items())),
            "# HELP shop_request_duration_seconds Time from the request's arrival to its answer.",
            "# TYPE shop_request_duration_seconds histogram",
            *(
                f'shop_request_duration_seconds_bucket{{le="{bound}"}} {n}'
                for bound, n in zip(bounds, accumulate(self.buckets), strict=True)
            ),
            f"shop_request_duration_seconds_sum {self.seconds:.6f}",
            f"shop_request_duration_seconds_count {total}",
            "# HELP process_resident_memory_bytes Resident memory.",
            "# TYPE process_resident_memory_bytes gauge",
            f"process_resident_memory_bytes {resident_bytes()}",
            "# HELP process_start_time_seconds When this process began, since the epoch.",
            "# TYPE process_start_time_seconds gauge",
            f"process_start_time_seconds {self.started:.3f}",
            "# HELP shop_build_info What runs here.",
            "# TYPE shop_build_info gauge",
            f"shop_build_info{{{self.info}}} 1",
        ]
        return ("\n".join(lines) + "\n").encode()


def resident_bytes() -> int:
    """Resident memory now; where there is no /proc, the highest it has been."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
