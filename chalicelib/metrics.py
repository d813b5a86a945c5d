"""Metrics, embedded in the log lines that are written anyway.

CloudWatch's embedded metric format costs no call to AWS. Each line makes its metrics anew, since
several calls may run in one process.
"""

import itertools
import os
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "totp-binding"

_NAME_OF_FUNCTION = "AWS_LAMBDA_FUNCTION_NAME"

_lines = itertools.count()


def counted(*names: str, **dimension: str) -> dict[str, Any]:
    """Return fields for a log line that add one to each metric named.

    CloudWatch keeps each metric by function, and by function and ``dimension`` if one is given. The
    first line of a process counts its cold start too.
    """
    started = ("ColdStarts",) if next(_lines) == 0 else ()
    if not (names or started):
        return {}
    function = os.environ.get(_NAME_OF_FUNCTION) or NAMESPACE
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension("function_name", function)
    if names and dimension:
        metrics.add_dimensions(function_name=function, **dimension)
    for name in (*names, *started):
        metrics.add_metric(name, MetricUnit.Count, 1)
    return dict(metrics.serialize_metric_set())
