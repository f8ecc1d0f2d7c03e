"""Whether there is enough to train on, asked before anything is computed: encoding takes long."""

from collections.abc import Sequence

from inffeed_core.errors import NotReady
from inffeed_core.project.encoded import LEARNED
from inffeed_core.records import Instance, Split


def require_trainable(instances: Sequence[Instance]) -> None:
    """Raise NotReady, saying what to import, where there is not."""
    learn = [one for one in instances if one.split in LEARNED]
    seen = sorted({one.label for one in learn})
    if len(seen) < 2:
        have = f"only {seen[0]!r}" if seen else "none"
        raise NotReady(f"Training needs texts of at least two labels in train or silver; there is {have}. Import more.")
    if not any(one.confirmed for one in learn):
        raise NotReady("There is no gold to train on; import some texts with confirmed labels into the train split.")
    if not any(one.split is Split.VALIDATION for one in instances):
        raise NotReady(
            "There is no validation gold; it chooses the regularisation and steers the flags."
            " Import some texts with confirmed labels into the validation split."
        )
