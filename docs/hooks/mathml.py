"""Formulas become MathML while the site is built, which browsers show by themselves: no script has to be fetched."""

import html
import re

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: object) -> str:
    """Called by mkdocs with every page as HTML."""
    return FORMULA.sub(lambda f: convert(html.unescape(f[3]), display="block" if f[2] == "[" else "inline"), content)
