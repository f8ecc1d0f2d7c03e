"""A report of a retrain as one HTML page: it needs no network and runs no script, and prints well.

Every word from a project is escaped, stands apart in its own direction of writing, and is never a link. What HTML
cannot hold (control characters, halves of surrogate pairs) is replaced by U+FFFD.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import islice

from inffeed_core.learning.report_words import ENGLISH
from inffeed_core.learning.retrain_report import Correction, Explained, RetrainReport
from inffeed_core.records import Act, Instance, Interval, Metrics, Split
from inffeed_core.wording import filled

MOST_ROWS = 500
"""Of each table."""
START = 90
"""Characters of a correction that are repeated beside what it turned."""
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_STYLE = """
:root { color-scheme: light }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a2129; background: #fff }
body { max-width: 1080px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem; break-after: avoid }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: start; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid #d5dbe1 }
th, td { overflow-wrap: anywhere; min-width: 6.3em }
.word { min-width: 0; white-space: nowrap } .long { width: 38% } .longest { width: 70% }
th { font-weight: 600; color: #4a5561 } td.n { font-variant-numeric: tabular-nums; white-space: nowrap }
bdi { white-space: pre-wrap } .note { color: #55606c; font-size: .9rem }
svg { display: block; width: 160px; height: 26px }
thead { display: table-header-group } tr { break-inside: avoid }
@page { margin: 15mm; @bottom-right { content: counter(page) " / " counter(pages); font: 8pt system-ui, sans-serif } }
@media print { :root, body { font-size: 9.5pt } body { max-width: none; margin: 0 } p.note { break-before: avoid } }
"""
Say = Callable[..., str]


def retrain_page(
    report: RetrainReport,
    words: Mapping[str, str] = ENGLISH,
    acts: Mapping[str, str] | None = None,
    splits: Mapping[str, str] | None = None,
    told: Callable[[str], str] = str,
) -> bytes:
    """The page in UTF-8. `words` are as `report_words`; `acts` and `splits` name members; `told` says sentences of the
    core in the reader's language."""

    def say(key: str, **values: object) -> str:
        return filled(words[key], **values)

    named = {split.value: (splits or {}).get(split, split.value) for split in Split}
    names = {act.value: (acts or {}).get(act, act.value) for act in Act}
    title = say("title", project=report.project, parent=report.parent.id, version=report.version.id)
    made = say(
        "made",
        version=report.version.id,
        created=report.version.created[:16].replace("T", " "),
        parent=report.parent.id,
    )
    parts = [
        f"<h1>{_own(title)}</h1><p>{_own(made)}</p>",
        _gained(report, say, named, told),
        _corrected(report, say, names),
        _flipped(report, say, named),
        _foretold(report, say, told),
    ]
    safe = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        f'<!doctype html><html lang="{escape(words["language"])}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{safe}">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{_plain(title)}</title><style>{_STYLE}</style></head><body>"
    )
    return (head + "\n".join(parts) + "</body></html>\n").encode()


def _plain(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))


def _own(text: str) -> str:
    """A text of somebody's, apart from its surroundings."""
    return f'<bdi dir="auto">{_plain(text)}</bdi>'


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already."""
    head = "".join(f'<th scope="col" class="word">{_plain(name)}</th>' for name in names)
    body = "".join("<tr>" + "".join(cells) + "</tr>" for cells in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(inner: str, kind: str = "") -> str:
    return f'<td class="{kind}">{inner}</td>' if kind else f"<td>{inner}</td>"


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{_plain(title)}</h2>{''.join(parts)}</section>"


def _note(text: str) -> str:
    return f'<p class="note">{_plain(text)}</p>'


def _gained(report: RetrainReport, say: Say, splits: Mapping[str, str], told: Callable[[str], str]) -> str:
    found = report.comparison
    sentences = [told(found.test_sentence), told(found.sentence)]
    pairs = {
        Split.TEST: (report.parent.test, report.version.test),
        Split.VALIDATION: (report.parent.validation, report.version.validation),
    }
    rows = [
        [_cell(_plain(splits[split]), "word"), *cells]
        for split, (before, after) in pairs.items()
        if before is not None and after is not None
        for cells in _scores(before, after, say)
    ]
    names = [say(name) for name in ("split", "label", "before", "after", "change")]
    table = [_table(names, rows), _note(say("scores"))] if rows else []
    return _section(say("gained"), *(f"<p>{_own(one)}</p>" for one in sentences), _note(say("caveat")), *table)


def _scores(before: Metrics, after: Metrics, say: Say) -> list[list[str]]:
    """A row for the mean, and one for each label that both were scored on."""
    pairs = [(None, before.macro_f1, after.macro_f1)]
    pairs += [(label, before.f1[label], value) for label, value in after.f1.items() if label in before.f1]  # type: ignore[misc]
    return [
        [
            _cell(f"<b>{_plain(say('mean'))}</b>" if label is None else _own(label)),
            _cell(_plain(_interval(first, say)), "n"),
            _cell(_plain(_interval(then, say)), "n"),
            _cell(f"{then.value - first.value:+.3f}{_bars(first, then)}", "n"),
        ]
        for label, first, then in pairs
    ]


def _interval(one: Interval, say: Say) -> str:
    return say("score", value=one.value, low=one.low, high=one.high)


def _bars(before: Interval, after: Interval) -> str:
    """Both values with their intervals: hollow before, filled after."""

    def mark(one: Interval, y: int, fill: str) -> str:
        low, at, high = (round(4 + 152 * min(max(x, 0.0), 1.0), 1) for x in (one.low, one.value, one.high))
        return (
            f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke="#3D7DC8" stroke-width="2"/>'
            f'<circle cx="{at}" cy="{y}" r="4" fill="{fill}" stroke="#3D7DC8" stroke-width="2"/>'
        )

    frame = '<line x1="4" x2="156" y1="25" y2="25" stroke="#7C8894"/>'
    marks = mark(before, 7, "#fff") + mark(after, 18, "#3D7DC8")
    return f'<svg viewBox="0 0 160 26" aria-hidden="true">{frame}{marks}</svg>'


def _corrected(report: RetrainReport, say: Say, acts: Mapping[str, str]) -> str:
    if not report.corrections:
        return _section(say("corrected"), f"<p>{_plain(say('none'))}</p>")
    moved = sum(one.moved for one in report.corrections)
    counts = {"moved": moved, "rest": len(report.corrections) - moved, "decisions": report.decisions}
    people = "".join(f"<li>{_own(say('by', person=who, count=n))}</li>" for who, n in report.people.items())
    rows = [
        [
            _cell(_text(one.after), "long"),
            _cell(_own(_state(one.before, say))),
            _cell(_own(_state(one.after, say))),
            _cell("<br>".join(_decided(one, say, acts)), "long"),
        ]
        for one in islice(report.corrections, MOST_ROWS)
    ]
    names = [say(name) for name in ("text", "before", "after", "decided")]
    parts = [f"<p>{_plain(say('counts', **counts))}</p><ul>{people}</ul>", _table(names, rows)]
    return _section(say("corrected"), *parts, _more(len(report.corrections), say))


def _more(count: int, say: Say) -> str:
    return _note(say("more", count=count - MOST_ROWS)) if count > MOST_ROWS else ""


def _text(one: Instance) -> str:
    second = "" if one.pair is None else f"<br>{_own(one.pair)}"
    return f"{_own(one.text)}{second}<br><span class='note'>{_own(one.id)}</span>"


def _start(text: str) -> str:
    """Of a text that stands whole among the corrections."""
    flat = " ".join(text.split())
    return flat if len(flat) <= START else flat[: START - 1].rstrip() + "…"


def _state(one: Instance, say: Say) -> str:
    name = one.label or say("no_label")
    return name if one.confirmed else say("unconfirmed", label=name)


def _decided(one: Correction, say: Say, acts: Mapping[str, str]) -> list[str]:
    told = []
    for said in one.decisions:
        act = say("feedback") if said.feedback else acts[said.act.value]
        label = f" {said.label}" if said.label else ""
        line = say("decision", person=said.annotator, act=act, label=label, at=said.at[:16].replace("T", " "))
        told.append(_own(line + (f" – {said.note}" if said.note else "")))
    return told


def _flipped(report: RetrainReport, say: Say, splits: Mapping[str, str]) -> str:
    missing = [split for split, known in report.compared.items() if not known]
    unknown = [_note(say("flips_unknown", split=splits[split])) for split in missing]
    if not report.flips:
        none = "" if len(missing) == len(report.compared) else f"<p>{_plain(say('flips_none'))}</p>"
        return _section(say("flips"), none, *unknown)
    note = say("behind_said" if report.explained else "behind_unknown")
    names = [say(name) for name in ("split", "change", "text", "gold", "before", "after")]
    rows = [_flip(one, say, splits) for one in islice(report.flips, MOST_ROWS)]
    return _section(say("flips"), _note(note), _table(names, rows), _more(len(report.flips), say), *unknown)


def _flip(one: Explained, say: Say, splits: Mapping[str, str]) -> list[str]:
    flip = one.flip
    change = "now_right" if flip.after == flip.gold else "now_wrong" if flip.before == flip.gold else "still_wrong"
    second = "" if flip.pair is None else f"<br>{_own(flip.pair)}"
    none = say("no_label")
    behind = "; ".join(
        f"{gain:+.3g} " + _own(f"{why.before.label or none} → {why.after.label}: {_start(why.after.text)}")
        for why, gain in one.behind
    )
    return [
        _cell(_plain(splits[one.split.value]), "word"),
        _cell(_plain(say(change)), "word"),
        _cell(
            f"{_own(flip.text)}{second}<br><span class='note'>{_plain(say('behind'))}: {behind or '–'}</span>",
            "longest",
        ),
        *(_cell(_own(label)) for label in (flip.gold, flip.before, flip.after)),
    ]


def _foretold(report: RetrainReport, say: Say, told: Callable[[str], str]) -> str:
    found = report.foretold
    if found is None:
        return _section(say("foretold"), f"<p>{_plain(say('foretold_none'))}</p>")
    parts: list[tuple[str | None, tuple[float, float]]] = [(None, (found.predicted, found.actual))]
    parts += found.by_label.items()
    rows = [
        [
            _cell(f"<b>{_plain(say('all'))}</b>" if label is None else _own(label)),
            _cell(f"{predicted:+.4f}", "n"),
            _cell(f"{actual:+.4f}", "n"),
        ]
        for label, (predicted, actual) in parts
    ]
    names = [say(name) for name in ("label", "predicted", "came")]
    others = [_note(say("foretold_others"))] if found.others else []
    sentence, table = f"<p>{_own(told(found.sentence))}</p>", _table(names, rows)
    return _section(say("foretold"), sentence, *others, table, _note(say("foretold_said")))
