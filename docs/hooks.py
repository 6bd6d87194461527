"""What the site needs beyond its settings in `mkdocs.yml`: a hook of MkDocs, and an extension of Griffe."""

import posixpath
import re
from typing import Any

import griffe

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#:]+)\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """`markdown` without links that lead out of docs/.

    They work in the repository, but not on the site. There they become plain names, or links to `repo_url` where
    `mkdocs.yml` has one.
    """
    folder = posixpath.dirname(page.file.src_uri)

    def inside(match: re.Match[str]) -> str:
        text, target = match.groups()
        path = posixpath.normpath(posixpath.join(folder, target))
        if not path.startswith("../"):
            return match[0]
        if config.repo_url:
            return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{path.removeprefix('../')})"
        return f"`{text}`"

    return LINK.sub(inside, markdown)


class Docstrings(griffe.Extension):
    """Docstrings as Griffe reads them: `Example:` is its section `Examples:`, and a drawing is a block of code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            blocks = (f"```\n{block}\n```" if "├──" in block else block for block in text.split("\n\n"))
            obj.docstring.value = "\n\n".join(blocks)
