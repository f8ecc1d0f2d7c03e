"""The built site asks no other host for anything: scripts, styles, pictures and fonts all lie in its own folder."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*?\s(?:src|srcset)=["']?(?:https?:)?//[^\s"'>]+"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon))[^>]*?\shref=["']?(?:https?:)?//[^\s"'>]+"""
    r"""|url\(["']?(?:https?:)?//[^)]+|@import\s+["'](?:https?:)?//[^"']+"""
)


def on_post_build(config: MkDocsConfig) -> None:
    """Called by mkdocs when all files are written. Raises PluginError, which fails the build."""
    site = Path(config.site_dir)
    files = [p for kind in ("*.html", "*.css") for p in site.rglob(kind)]
    found = {hit for path in files for hit in LOADED.findall(path.read_text(encoding="utf-8"))}
    if found:
        raise PluginError("The site would fetch from elsewhere: " + ", ".join(sorted(found)))
