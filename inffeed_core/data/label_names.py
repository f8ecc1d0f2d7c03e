"""Which label of the project a file means, whatever it calls it and however it encodes it."""

from collections.abc import Mapping, Sequence

from inffeed_core.characters import known_label, label_key


class LabelNames:
    """The project's labels, and the file's names for them."""

    def __init__(self, labels: Sequence[str], names: Mapping[str, str]) -> None:
        self._labels, self._names = tuple(labels), names
        self._by_key = {label_key(name): label for name, label in names.items()}
        self._meant: dict[str, str | None] = {}

    def meant(self, raw: str) -> str | None:
        """The project's label for what stands in a cell; None where it is none."""
        if raw not in self._meant:
            named = self._names.get(raw) or self._by_key.get(label_key(raw)) or raw
            self._meant[raw] = known_label(named, self._labels)
        return self._meant[raw]
