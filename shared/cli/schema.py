"""`muster schema`: the policy file as a JSON Schema, for editors."""

from shared.cli.output import Output, OutputOption, told


def schema(*, output: OutputOption = Output.JSON) -> int:
    """Print the JSON Schema of a policy's file; the repository has it as docs/policy.schema.json."""
    from shared.policy.schema import policy_schema

    del output  # text would be the same
    told(policy_schema())
    return 0
