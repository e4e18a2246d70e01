"""Token buckets of Azure Resource Manager and of the AKS resource provider.

Sources: Microsoft Learn, "Understand how Azure Resource Manager throttles requests" (2025: per
subscription, principal and class: reads 250 refilled at 25/s, writes and deletes 200 at 10/s) and "Quotas
... in Azure Kubernetes Service" (GET ManagedCluster: 60 per cluster, refilled at 1/s;
all other APIs, such as listClusterUserCredential: 60 per subscription and region, refilled at 1/s).
"""

import math
from dataclasses import dataclass

from simulator import arm_errors
from simulator.clock import Clock

_ARM = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
_AKS_GET = (60.0, 1.0)
_AKS_OTHER = (60.0, 1.0)
_CLASSES = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Throttling:
    """Counts always, refuses only where it is switched on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, ...], _Bucket] = {}
        self.arm = False
        self.aks_gets = False
        self.aks_others = False

    def spend(self, method: str, subscription: str, app_id: str) -> dict[str, str]:
        """Take one request from ARM's bucket; the headers that tell what is left. 429 where it is empty."""
        # A Resource Graph query, the one POST without a subscription, spends the tenant's reads.
        query = method == "POST" and not subscription
        kind = "reads" if query else _CLASSES.get(method, "writes")
        scope = f"subscription-{kind}" if subscription else f"tenant-{kind}"
        size, refill = _ARM[kind]
        left, wait = self._take(("arm", subscription, app_id, kind), size, refill)
        if self.arm and wait:
            raise arm_errors.throttled(kind, wait)
        headers = {f"x-ms-ratelimit-remaining-{scope}": str(left)}
        if subscription:
            headers[f"x-ms-ratelimit-remaining-subscription-global-{kind}"] = str(int(size * 15 - (size - left)))
        return headers

    def spend_cluster_get(self, cluster: str) -> None:
        """Take one GET from an AKS cluster's own bucket. 429 where it is empty."""
        _, wait = self._take(("aks", cluster.lower()), *_AKS_GET)
        if self.aks_gets and wait:
            raise arm_errors.aks_throttled(wait)

    def spend_aks_other(self, subscription: str, region: str) -> None:
        """Take one call from the bucket of all other AKS APIs. 429 where it is empty."""
        _, wait = self._take(("aks-other", subscription.lower(), region.lower()), *_AKS_OTHER)
        if self.aks_others and wait:
            raise arm_errors.aks_throttled(wait)

    def _take(self, key: tuple[str, ...], size: float, refill: float) -> tuple[int, int]:
        """Tokens left, and seconds to wait where there was none (0 where there was)."""
        now = self._clock.now()
        bucket = self._buckets.setdefault(key, _Bucket(size, now))
        bucket.tokens = min(size, bucket.tokens + (now - bucket.at) * refill)
        bucket.at = now
        if bucket.tokens < 1:
            return 0, max(1, math.ceil((1 - bucket.tokens) / refill))
        bucket.tokens -= 1
        return int(bucket.tokens), 0
