"""What the page adds in JavaScript: a screen reader says politely when an answer changes."""

import streamlit as st

NAME = "salary_page.live_region"
# The region itself must stay while its text changes: only then it is read out.
# Streamlit takes a number once its field loses the focus, which pressing a tab leaves there: the
# answer would go on being that to the number before.
SCRIPT = """
document.addEventListener("pointerdown", (event) => {
  const field = document.activeElement;
  if (field?.tagName === "INPUT" && event.target.closest('[role="tab"]')) field.blur();
}, true);

export default function ({ data, parentElement }) {
  let region = parentElement.querySelector("[aria-live]");
  if (!region) {
    region = document.createElement("div");
    region.setAttribute("aria-live", "polite");
    region.setAttribute("role", "status");
    region.style.cssText =
      "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";
    parentElement.appendChild(region);
  }
  if (region.textContent !== data.text) region.textContent = data.text;
}
"""


def say(text: str) -> None:
    """Let a screen reader say a text, if it is another than before."""
    region = st.components.v2.component(NAME, js=SCRIPT, isolate_styles=False)
    region(data={"text": text}, key="live region", height="content")
