"""Data sets of the Hugging Face hub: `hf:owner/name`, perhaps with `@revision`, and `#configuration`.

What the hub cache holds is used as it is; only a data set that is not there is fetched. Data files are read by their
names, as `datasets` finds them: `train-00000-of-00001.parquet`, `data/test.csv`, `validation/part.jsonl`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inffeed_core.data.neighbours.hub_folder import together
from inffeed_core.data.options import split_of_name
from inffeed_core.data.table import Table, refused

PREFIX = "hf:"
_NAME = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?(#(?P<config>[\w.-]+))?")
_SUFFIXES = ("parquet", "arrow", "csv", "tsv", "jsonl", "json")


@dataclass(frozen=True, slots=True)
class HubSet:
    """A data set by its name on the hub."""

    repository: str
    revision: str | None
    config: str | None


def hub_set(name: str) -> HubSet:
    """What `hf:…` names. Raises ImportRefused for anything else."""
    match = _NAME.fullmatch(name)
    if match is None:
        problem = f"{name!r} does not name a data set of the hub."
        raise refused(name, problem, "Write hf:OWNER/NAME, perhaps with @REVISION, and #CONFIGURATION.")
    return HubSet(match["repository"], match["revision"], match["config"])


def read(name: str, read_file: Callable[[Path], Table]) -> Table:
    """All splits of a data set as one table, with a column `split` where files are named for splits.

    Raises ImportRefused where it cannot be found, has no data files, or has several configurations and none is chosen.
    """
    asked = hub_set(name)
    folder = _fetched(name, asked)
    files = _chosen(name, folder, asked.config)
    return together(asked.repository, [(split_of_path(path.relative_to(folder)), read_file(path)) for path in files])


def only(table: Table, split: str) -> Table:
    """The rows of this split; the whole table where no row is of it."""
    if "split" not in table.columns:
        return table
    at = table.columns.index("split")
    rows = [row for row in table.rows if row[at] == split]
    return replace(table, rows=rows) if rows else table


def _fetched(name: str, asked: HubSet) -> Path:
    from huggingface_hub import snapshot_download

    patterns = [f"*.{suffix}" for suffix in _SUFFIXES] + ["README.md"]
    errors: list[Exception] = []
    for local in (True, False):
        try:
            return Path(
                snapshot_download(
                    asked.repository,
                    repo_type="dataset",
                    revision=asked.revision,
                    allow_patterns=patterns,
                    local_files_only=local,
                )
            )
        except (OSError, ValueError) as error:  # what the hub client raises: no network, unknown id, gated, disk full
            errors.append(error)
    problem = f"It is not in this machine's hub cache, and the hub gave: {str(errors[-1]).splitlines()[0]}."
    raise refused(name, problem, "Check the name, go online once, or unset HF_HUB_OFFLINE.") from errors[-1]


def _chosen(name: str, folder: Path, config: str | None) -> list[Path]:
    """The data files of the configuration."""
    found = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix[1:] in _SUFFIXES)
    told = _configurations(folder)
    if told:
        names = [str(one.get("config_name")) for one in told]
        wanted = config or (names[0] if len(names) == 1 else "default" if "default" in names else None)
        one = next((c for c in told if str(c.get("config_name")) == wanted), None)
        if one is None:
            problem = f"The data set has the configurations {', '.join(names)}."
            raise refused(name, problem, f"Choose one: {name.partition('#')[0]}#{names[0]}.")
        patterns = _patterns(one)
        found = [p for p in found if not patterns or any(p.relative_to(folder).match(pattern) for pattern in patterns)]
    elif config is not None:
        found = [p for p in found if config in p.relative_to(folder).parts]
    if not found:
        raise refused(name, "It holds no data files that can be read.", f"Expected files in .{', .'.join(_SUFFIXES)}.")
    return found


def _configurations(folder: Path) -> list[Mapping[str, Any]]:
    """The `configs` in the front matter of the data set's card."""
    import yaml

    try:
        card = (folder / "README.md").read_text(encoding="utf-8")
        told = yaml.safe_load(card.split("---")[1]) if card.startswith("---") else None
    except (OSError, ValueError, IndexError, yaml.YAMLError):
        return []
    configs = told.get("configs") if isinstance(told, Mapping) else None
    return [one for one in configs if isinstance(one, Mapping)] if isinstance(configs, list) else []


def _patterns(config: Mapping[str, Any]) -> list[str]:
    files = config.get("data_files")
    listed: Sequence[Any] = files if isinstance(files, list) else [files] if files else []
    paths = [one.get("path") if isinstance(one, Mapping) else one for one in listed]
    return [str(p) for path in paths for p in (path if isinstance(path, list) else [path]) if p]


def split_of_path(path: Path) -> str:
    """The split that a file's name, or that of a folder above it, says; empty for none."""
    return next((split.value for part in reversed(path.parts) if (split := split_of_name(part))), "")
