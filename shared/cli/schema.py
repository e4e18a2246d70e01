"""`muster schema`: the policy file as a JSON Schema, for editors."""

from shared.cli.output import told


def schema() -> int:
    """Print the JSON Schema of a policy's file; the repository has it as docs/policy.schema.json."""
    from shared.policy.schema import policy_schema

    told(policy_schema())
    return 0
