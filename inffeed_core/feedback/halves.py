"""Which validation texts may choose proposals, and which then confirm them.

A method that chooses by validation would be confirmed by the very texts it chose by: with real silver
labels, that accepted relabelling that lowered macro-F1 on test (docs/feedback.md). So for these methods one half of
the validation texts chooses and the other half confirms. The halves depend only on the imported texts, divide each
label equally, and stay the same from round to round. For other methods, all validation texts confirm.
"""

from inffeed_core.feedback.methods import STEERED
from inffeed_core.project.encoded import Encoded
from inffeed_core.settings import Remedy
from inffeed_core.store.instances import lot, text_hash


def choosing(validation: Encoded, method: Remedy) -> Encoded:
    """The validation texts that this method may choose by."""
    return validation.where(_half(validation, 0)) if method in STEERED else validation


def confirming(validation: Encoded, method: Remedy) -> Encoded:
    """The validation texts that decide whether the method's proposals help."""
    return validation.where(_half(validation, 1)) if method in STEERED else validation


def _half(validation: Encoded, which: int) -> list[int]:
    """Every other text of each imported label by lot, in import order."""
    found = validation.instances
    lots = [(one.original_label, lot(one.id, text_hash(one.text, one.pair))) for one in found]
    return sorted(sorted(range(len(found)), key=lots.__getitem__)[which::2])
