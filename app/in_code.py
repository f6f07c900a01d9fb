"""The tab *Use it from code*: the request of the form as others send it, without the token."""

import json
import shlex
from collections.abc import Mapping

import streamlit as st

from service_client import TOKEN_VARIABLE, Scalar, ServiceClient


def show_in_code(service: ServiceClient, values: Mapping[str, Scalar]) -> None:
    """Show the request in three languages; the token is a placeholder."""
    if service.has_token:
        st.caption(f"The service asks for a token. Put yours into the variable {TOKEN_VARIABLE}.")
    snippets = {"curl": curl_of, "Python": python_of, "JavaScript": javascript_of}
    name = st.segmented_control(
        "Language", list(snippets), default="curl", required=True, key="language"
    )
    code = snippets[name or "curl"](service.address, values, service.has_token)
    st.code(code, language=None, wrap_lines=True)  # Streamlit's colours of code are too pale


def curl_of(address: str, values: Mapping[str, Scalar], has_token: bool) -> str:
    """The request as a line of a shell."""
    token = f' \\\n  -H "Authorization: Bearer ${TOKEN_VARIABLE}"' if has_token else ""
    body = shlex.quote(json.dumps(values, ensure_ascii=False))
    return (
        f"curl {shlex.quote(f'{address}/predict')}{token} \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d {body}"
    )


def python_of(address: str, values: Mapping[str, Scalar], has_token: bool) -> str:
    """The request in Python, with httpx."""
    headers = f'"Authorization": f"Bearer {{os.environ[{TOKEN_VARIABLE!r}]}}"'
    return "\n".join(
        [
            *(["import os", ""] if has_token else []),
            "import httpx",
            "",
            "answer = httpx.post(",
            f"    {f'{address}/predict'!r},",
            f"    json={dict(values)!r},",
            *([f"    headers={{{headers}}},"] if has_token else []),
            ")",
            "answer.raise_for_status()",
            "print(answer.json())",
        ]
    )


def javascript_of(address: str, values: Mapping[str, Scalar], has_token: bool) -> str:
    """The request in JavaScript, with fetch: as a module, in Node or in a browser."""
    token = f", Authorization: `Bearer ${{process.env.{TOKEN_VARIABLE}}}`" if has_token else ""
    return "\n".join(
        [
            f"const answer = await fetch({json.dumps(f'{address}/predict')}, {{",
            '  method: "POST",',
            f'  headers: {{"Content-Type": "application/json"{token}}},',
            f"  body: JSON.stringify({json.dumps(values, ensure_ascii=False)}),",
            "});",
            "if (!answer.ok) throw new Error(await answer.text());",
            "console.log(await answer.json());",
        ]
    )
