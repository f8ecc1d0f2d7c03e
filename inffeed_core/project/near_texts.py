"""Texts with nearly the same words among many, found in memory without comparing all pairs.

What near means is what `store.twins` means by a twin: equal texts, or sets of words with a Jaccard similarity of at
least SIMILAR. The words of a file that is still to be imported are in no index of the database, so the rarest words of
each text are indexed here (prefix filtering; Chaudhuri, Ganti and Kaushik, ICDE 2006): no near text is missed, unless
its rarest words occur in more than MOST_COMPARED texts; then it is compared with equal ones alone.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from inffeed_core.records import Passage
from inffeed_core.store.instances import text_hash
from inffeed_core.store.twins import FEWEST_WORDS, MOST_COMPARED, SIMILAR, alike, jaccard, words_of


class NearTexts:
    """Some texts, to be asked which of them are near another."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._pairs = [_parts(one)[1] for one in passages]
        self._words = [words_of(_parts(one)[0]) for one in passages]
        self._frequency = Counter(word for words in self._words for word in words)
        self._by_hash: defaultdict[str, list[int]] = defaultdict(list)
        self._by_word: defaultdict[str, list[int]] = defaultdict(list)
        for n, (passage, words) in enumerate(zip(passages, self._words, strict=True)):
            self._by_hash[text_hash(*_parts(passage))].append(n)
            for word in self._rarest(words):
                self._by_word[word].append(n)

    def near(self, passage: Passage) -> list[int]:
        """The numbers of the texts that are near this one, itself among them if it is one of them; ascending."""
        text, pair = _parts(passage)
        equal, words = self._by_hash.get(text_hash(text, pair), []), words_of(text)
        candidates: set[int] = set()
        lists = [self._by_word[word] for word in self._rarest(words) if word in self._by_word]
        if sum(map(len, lists)) <= MOST_COMPARED:
            candidates = {n for each in lists for n in each}
        close = {n for n in candidates if jaccard(words, self._words[n]) >= SIMILAR and alike(pair, self._pairs[n])}
        return sorted(close.union(equal))

    def _rarest(self, words: frozenset[str]) -> list[str]:
        """So many of a text's words that every near text's own rarest words hold one of them; none of a short text."""
        if len(words) < FEWEST_WORDS:
            return []
        needed = len(words) - math.ceil(SIMILAR * len(words)) + 1
        return sorted(words, key=lambda word: (self._frequency[word], word))[:needed]


def groups(passages: Sequence[Passage]) -> list[list[int]]:
    """The numbers of the texts, so that near texts are in one group, and so are those that others connect."""
    index, parent = NearTexts(passages), list(range(len(passages)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    for n, passage in enumerate(passages):
        for other in index.near(passage):
            parent[root(max(n, other))] = root(min(n, other))
    found: defaultdict[int, list[int]] = defaultdict(list)
    for n in range(len(passages)):
        found[root(n)].append(n)
    return list(found.values())


def _parts(passage: Passage) -> tuple[str, str | None]:
    return (passage, None) if isinstance(passage, str) else passage
