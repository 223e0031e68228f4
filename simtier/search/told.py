"""What the process that evaluates a policy tells: a line a message, its token and a JSON object.

The token is a random word that the parent gives to the process before the policy is loaded. Numbers are finite.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

LONGEST_BYTES = 1 << 20
"""Of a message."""


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Begun(_Told):
    """A stage begins; the first is "load", in which the policy's file is imported; the last "references"."""

    tells: Literal["begun"] = "begun"
    stage: str
    """Its name."""


class Scored(_Told):
    """A case has been played."""

    tells: Literal["scored"] = "scored"
    name: str
    """Name of the case."""
    stage: str
    """The stage in which it was played."""
    score: float
    """What the policy reached."""
    parts: dict[str, float]
    """What made it up."""


class Referred(_Told):
    """Scores in a case that are no policy's."""

    tells: Literal["referred"] = "referred"
    name: str
    """Name of the case."""
    scores: dict[str, float]
    """By name."""


class Failed(_Told):
    """The policy could not be loaded or played; nothing follows."""

    tells: Literal["failed"] = "failed"
    case: str | None
    """Name of the case, if it was in one."""
    error: str
    """What was raised."""
    trace: tuple[str, ...] = Field(strict=False)
    """Lines of the policy's file that it went through, innermost last."""


class Faulty(_Told):
    """The suite cannot be played, whatever the policy; told before the policy is loaded, and nothing follows."""

    tells: Literal["faulty"] = "faulty"
    error: str
    """Why."""


class Done(_Told):
    """All has been told."""

    tells: Literal["done"] = "done"


Told = Begun | Scored | Referred | Failed | Faulty | Done
_TOLD: TypeAdapter[Told] = TypeAdapter(Annotated[Told, Field(discriminator="tells")])


def written(told: Told, token: str) -> bytes:
    """Return a message as a line."""
    return f"{token} {told.model_dump_json()}\n".encode()


def read(line: bytes, token: str) -> Told:
    """Return the message in a line, without its end; raises ValueError for anything else, or another token."""
    said, _, text = line.partition(b" ")
    if said != token.encode():
        raise ValueError("not the token that was given")
    try:
        return _TOLD.validate_json(text)
    except ValidationError as error:
        raise ValueError(f"no message: {error}") from error
