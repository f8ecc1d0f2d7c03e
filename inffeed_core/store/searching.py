"""Finding texts by what stands in them or in their second texts, in any script, with one index of words.

Scripts that put spaces between words are indexed by word, and a query's word matches those that begin with it. Chinese,
Japanese, Korean, Thai, Lao, Khmer, Burmese, Tibetan and some others put none, or glue words together: each of their
characters is a word of its own, and a query's word is a phrase of them, so one or two characters are found as well as
ten. (A trigram index needs three, and took 4 s more for 100,000 texts of 160 characters; this takes none for ASCII and
0.5 s more for others.) Emoji are words too.

Words match whatever their case, width and accents: `ё` as `е`, Arabic without its vowel signs and its forms of alef,
Hebrew without its points. An Arabic word is found under itself and without the article before it. A word that begins
no word of the project is looked for within words (`steuer` in `Mehrwertsteuer`), and what holds no letter at all, such
as `:-(`, in the texts as they are.

`words` is what the index holds: whoever changes it appends a migration that makes the index anew.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from inffeed_core.characters import folded, visible
from inffeed_core.store.many_rows import indexing_many

MOST_WORDS = 200
"""How many words of the project are looked up for one that stands within them; the most frequent are taken."""

TABLE = """CREATE VIRTUAL TABLE instance_fts USING fts5(
    text, content='', tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* Co Cn So'")"""
TERMS = "CREATE VIRTUAL TABLE instance_term USING fts5vocab(instance_fts, row)"

_UNSPACED = (
    (0x0E00, 0x109F),  # Thai, Lao, Tibetan, Burmese
    (0x1100, 0x11FF),  # Korean letters
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai, Khmer signs
    (0x1A20, 0x1AAF),
    (0x1B00, 0x1B7F),  # Balinese
    (0x3005, 0x3007),
    (0x3040, 0x312F),  # Japanese, Bopomofo
    (0x31A0, 0x31FF),
    (0x3400, 0x9FFF),  # Chinese characters
    (0xA960, 0xA9FF),
    (0xAA60, 0xAADF),
    (0xAC00, 0xD7FF),  # Korean syllables
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_UNWRITTEN = (
    (0x0300, 0x036F),  # accents that no letter is composed with
    (0x0591, 0x05C7),  # Hebrew points
    (0x0610, 0x061A),  # Arabic vowel signs
    (0x0640, 0x0640),  # and its stretching
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
)
_BETWEEN = "\ue000"
"""A word that no text is likely to hold, so that no phrase runs from a text into its second text."""
_SAME = dict(zip("أإآٱё", "ااااе", strict=True))
_ARABIC_ARTICLE = re.compile("(?<!\\S)[وف]?(?:[بك]?ال|لل)(\\S{2,})")
_ASCII_WORD = re.compile("[a-z0-9]+")


class _Words(dict[int, str]):
    """What each character of a folded text becomes, for `str.translate`: itself, a word, a gap, or nothing."""

    def __missing__(self, code: int) -> str:
        self[code] = kept = _kept(chr(code))
        return kept


def _kept(character: str) -> str:
    if character in _SAME:
        return _SAME[character]
    category = unicodedata.category(character)
    if _among(character, _UNWRITTEN) and category[0] in "ML":
        return ""
    if category in ("Sk", "Cf") or 0x1F3FB <= ord(character) <= 0x1F3FF:
        return ""  # among them the skin of an emoji
    if category == "So" or (category[0] in "LMN" and _among(character, _UNSPACED)):
        return f" {character} "
    if category[0] not in "LMN" and category not in ("Co", "Cn"):
        return " "
    base, *marks = list(unicodedata.normalize("NFD", character))
    accented = marks and all(0x0300 <= ord(m) <= 0x036F for m in marks)
    return base if accented and unicodedata.name(base, "").startswith(("LATIN", "GREEK")) else character


def _among(character: str, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(low <= ord(character) <= high for low, high in ranges)


_WORDS = _Words()


def words(text: str) -> list[str]:
    """The words of a text in their order, as the index knows them."""
    if text.isascii():
        return _ASCII_WORD.findall(visible(text.lower()))
    return folded(text).translate(_WORDS).split()


def indexed(text: str) -> str:
    """A text as it is put into the index."""
    if text.isascii():
        return visible(text)
    found = folded(text).translate(_WORDS)
    return " ".join([found, *_ARABIC_ARTICLE.findall(found)]) if "\u0644" in found else found


def index(db: Database, after: int = 0) -> None:
    """Put the instances whose number is above `after` into the index."""
    db.conn.create_function("indexed", 2, indexed_both, deterministic=True)
    sql = "INSERT INTO instance_fts (rowid, text) SELECT n, indexed(text, pair) FROM instance WHERE n > ?"
    with indexing_many(db, "instance_fts"):
        db.conn.execute(sql, [after])


def put_words(db: Database, rows: Iterable[tuple[int, str]]) -> None:
    """Put instances into the index, each by its number and its words from `indexed_both`."""
    # A trigger for every row made an import of 100,000 rows three times as slow.
    db.conn.executemany("INSERT INTO instance_fts (rowid, text) VALUES (?, ?)", rows)


def indexed_both(text: str, pair: str | None) -> str:
    """A text with its second text as they are put into the index."""
    return indexed(text) if pair is None else f"{indexed(text)} {_BETWEEN} {indexed(pair)}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a query asks for of an instance."""

    match: str
    """For FTS5; empty where the query holds no word."""
    literal: tuple[str, ...]
    """What holds none, to be found in the text as it is."""

    def conditions(self, match: str) -> list[str]:
        """SQL on an instance `i`, all of which must hold; `match` is the one for where there are words."""
        holds = "(instr(i.text, :{0}) > 0 OR instr(i.pair, :{0}) > 0)"
        return [match] * bool(self.match) + [holds.format(f"literal{n}") for n in range(len(self.literal))]

    def values(self) -> dict[str, object]:
        """What fills the conditions, in which `:match` stands for the words."""
        return {"match": self.match, **{f"literal{n}": part for n, part in enumerate(self.literal)}}


def wanted_words(db: Database, query: str) -> Wanted:
    """What `query` asks for: all its words, each as the module says."""
    parts = visible(query.encode("utf-8", "replace").decode()).split()  # half a surrogate pair is stored nowhere
    matches = [_match(db, found) for part in parts if (found := words(part))]
    return Wanted(" AND ".join(matches), tuple(part for part in parts if not words(part)))


def _match(db: Database, found: Sequence[str]) -> str:
    """What FTS5 is asked for texts that hold these words in a row, the last as a beginning."""
    phrase = f'"{" ".join(found)}" *'
    if len(found) > 1 or _begins_any(db, found[0]):
        return phrase
    sql = "SELECT term FROM instance_term WHERE instr(term, ?) > 0 ORDER BY doc DESC LIMIT ?"
    around = [f'"{row["term"]}"' for row in db.query(sql, [found[0], MOST_WORDS])]
    return f"({' OR '.join(around)})" if around else phrase


def _begins_any(db: Database, word: str) -> bool:
    sql = "SELECT 1 FROM instance_term WHERE term >= :word AND term < :word || char(0x10FFFF) LIMIT 1"
    return bool(list(db.query(sql, {"word": word})))


def found_ids(db: Database, query: str, limit: int) -> list[str]:
    """Ids of the instances that have what the query asks for, best first."""
    wanted = wanted_words(db, query)
    conditions = wanted.conditions("instance_fts MATCH :match")
    if not conditions:
        return []
    source = "instance_fts f JOIN instance i ON i.n = f.rowid" if wanted.match else "instance i"
    order = "rank, i.n" if wanted.match else "i.n"
    sql = f"SELECT i.id FROM {source} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT :most"
    return [row["id"] for row in db.query(sql, wanted.values() | {"most": limit})]
