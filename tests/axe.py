"""What axe-core finds on a page that is open in a real browser."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page

from support import ROOT

AXE = ROOT / "tests" / "clients" / "node_modules" / "axe-core" / "axe.min.js"
#: WCAG 2.2 at level AA, and axe's own advice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(frozen=True)
class Violation:
    """One node that breaks one of axe's rules.

    Attributes:
        rule: The rule's id, such as `color-contrast`.
        target: CSS selector of the node.
        html: The node's opening, at most 200 characters.
        why: What is wrong with it.
    """

    rule: str
    target: str
    html: str
    why: str


def violations(page: Page, exclude: Sequence[str] = ()) -> list[Violation]:
    """Nodes of the open page that break a rule; without those under some CSS selectors.

    Skips the test where axe-core is not installed, and fails it where CI is set.
    """
    if not AXE.exists():
        reason = "no axe-core (npm ci --prefix tests/clients)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    page.evaluate(AXE.read_text())  # past a content security policy, where a script tag is not
    found = page.evaluate(
        "([exclude, tags]) => axe.run(exclude.length ? {exclude} : document, "
        "{runOnly: {type: 'tag', values: tags}})",
        [[[selector] for selector in exclude], TAGS],
    )
    return [_violation(rule, node) for rule in found["violations"] for node in rule["nodes"]]


def _violation(rule: dict[str, Any], node: dict[str, Any]) -> Violation:
    target = " ".join(str(part) for part in node["target"])
    return Violation(rule["id"], target, node["html"][:200], node["failureSummary"])
