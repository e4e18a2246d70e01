"""What must hold on a cluster before anything is written to it; docs/preflight.md lists the checks.

Pure functions over what was observed. Each answer says what is wrong, what to do and where the rule
comes from. A check whose fact is missing is not evaluated, which is never the same as passed; where
ARM always tells the fact, it holds the cluster: a gate never opens on ignorance.
"""

from shared.azureml.preflight.checks import CHECKS, blocking, examine
from shared.azureml.preflight.question import Check, Question
from shared.azureml.preflight.readiness import PROVIDER
from shared.azureml.preflight.settling import settled

__all__ = ["CHECKS", "PROVIDER", "Check", "Question", "blocking", "examine", "settled"]
