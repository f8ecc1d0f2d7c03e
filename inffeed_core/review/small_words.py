"""Small words such as "and" and "been", which texts share by chance: the card marks none of them.

English has a list, that of scikit-learn (which takes seconds to import, so it stands here). For other languages the
texts of the project tell: whatever is in many of them tells nothing about two that share it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from sqlite_utils import Database

_ENGLISH = """
a about above across after afterwards again against all almost alone along already also although always am among
amongst amoungst amount an and another any anyhow anyone anything anyway anywhere are around as at back be became
because become becomes becoming been before beforehand behind being below beside besides between beyond bill both
bottom but by call can cannot cant co con could couldnt cry de describe detail do done down due during each eg eight
either eleven else elsewhere empty enough etc even ever every everyone everything everywhere except few fifteen
fifty fill find fire first five for former formerly forty found four from front full further get give go had has
hasnt have he hence her here hereafter hereby herein hereupon hers herself him himself his how however hundred i ie
if in inc indeed interest into is it its itself keep last latter latterly least less ltd made many may me meanwhile
might mill mine more moreover most mostly move much must my myself name namely neither never nevertheless next nine
no nobody none noone nor not nothing now nowhere of off often on once one only onto or other others otherwise our
ours ourselves out over own part per perhaps please put rather re same see seem seemed seeming seems serious several
she should show side since sincere six sixty so some somehow someone something sometime sometimes somewhere still
such system take ten than that the their them themselves then thence there thereafter thereby therefore therein
thereupon these they thick thin third this those though three through throughout thru thus to together too top
toward towards twelve twenty two un under until up upon us very via was we well were what whatever when whence
whenever where whereafter whereas whereby wherein whereupon wherever whether which while whither who whoever whole
whom whose why will with within without would yet you your yours yourself yourselves
"""
ENGLISH = frozenset(_ENGLISH.split())
"""`sklearn.feature_extraction.text.ENGLISH_STOP_WORDS`, of the Glasgow Information Retrieval Group."""

SAMPLE = 500
"""Texts that are read to know the language and its frequent words."""
FEWEST = 30
"""With fewer texts the language is not known, and English is taken: its list does other languages no harm."""
FREQUENT = 0.1
"""A word in a larger share of the texts is a small one."""
TELLING = frozenset(("the", "and", "of", "to", "is", "it", "for", "with", "this", "that"))
FIRST, TOLD = 20, 3
"""Texts are English if at least three of these words are among their twenty most frequent ones."""

_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_IDEOGRAPHS = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0eff\u1780-\u17ff]+")


def small_words(db: Database) -> Sequence[str]:
    """The small words of this project's language, in lower case and in the order of the alphabet."""
    sql = "SELECT text, pair FROM instance WHERE split = 'silver' ORDER BY lot LIMIT ?"
    return small_words_of([f"{row['text']} {row['pair'] or ''}" for row in db.query(sql, [SAMPLE])])


def small_words_of(texts: Sequence[str]) -> Sequence[str]:
    """The same of these texts. Of two languages at once only the frequent words are known."""
    counts = Counter(word for text in texts for word in set(_words(text)))
    first = [word for word, _ in counts.most_common(FIRST)]
    if len(texts) < FEWEST or len(TELLING.intersection(first)) >= TOLD:
        return sorted(ENGLISH)
    return sorted(word for word, count in counts.items() if count > FREQUENT * len(texts))


def _words(text: str) -> Iterable[str]:
    """The words; of scripts without spaces all pairs of signs, among which are those of their words."""
    lowered = text.lower()
    for run in _IDEOGRAPHS.findall(lowered):
        yield from (run[n : n + 2] for n in range(len(run) - 1))
    yield from _WORDS.findall(_IDEOGRAPHS.sub(" ", lowered))
