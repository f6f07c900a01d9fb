"""The policy of conf/ with other values, for commands that only ask what it would decide."""

import shlex
from typing import Any

import click
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError
from yaml import YAMLError

from salary_kedro.contract.explain import describe_invalid
from salary_kedro.errors import UserError
from salary_kedro.promotion.verdict import Policy

GROUP = "promotion"


#: The option of a command by which `changed` changes the policy.
policy_option = click.option(
    "--params",
    multiple=True,
    metavar=f"{GROUP}.KEY=VALUE",
    help="What to change in the policy; several with commas, or given again.",
)


def changed(policy: Policy, params: tuple[str, ...]) -> Policy:
    """A policy with other values.

    Raises:
        UserError: If a value is not allowed, or is none of the policy's.
    """
    given = [part for text in params for part in text.split(",") if part.strip()]
    for part in given:
        key, is_set, _ = part.strip().partition("=")
        if not is_set or not key.startswith(f"{GROUP}."):
            raise UserError(
                f"'{part}' is no part of a policy: write {GROUP}.KEY=VALUE; keys are "
                f"{', '.join(Policy.model_fields)}"
            )
    try:
        read: Any = OmegaConf.to_container(OmegaConf.from_dotlist([part.strip() for part in given]))
    except (YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"--params {','.join(params)} cannot be read: {error}") from error
    values = {**policy.model_dump(), **read.get(GROUP, {})}
    try:
        return Policy.model_validate(values)
    except ValidationError as error:
        raise UserError(describe_invalid(error, GROUP, Policy, values)) from error


def as_options(params: tuple[str, ...]) -> str:
    """The option as a command that is suggested must give it; empty if nothing is changed."""
    return f" --params {shlex.quote(','.join(params))}" if params else ""
