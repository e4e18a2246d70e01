"""The form of `X-MS-CLIENT-PRINCIPAL`, validated. Imported where the platform authenticates, and only when asked."""

from pydantic import BaseModel, Field


class Claim(BaseModel):
    """One claim of the caller's token."""

    typ: str
    val: str


class Principal(BaseModel):
    """What the platform says of a caller; `role_typ` names the claims that hold his roles."""

    claims: list[Claim] = Field(max_length=1000)
    role_typ: str | None = None
