"""Annotators with their browsers in simulated time: what room.js and card.js do, message for message, with delays.

Messages go through the real `receive`, `news` and `welcome` on a real database whose clock is the simulated one. A
browser may be closed, cut off from the network or put to sleep, and come back.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inffeed_core import store
from inffeed_core.project.folder import Project
from inffeed_core.review import messages
from inffeed_core.review.handing_out import Handed
from inffeed_core.review.messages import Message, Sent
from inffeed_core.review.progress import Sitting
from inffeed_core.store import clock

REFILL_BELOW, ASK_AGAIN, ASK_AGAIN_EMPTY, BEAT = 0.6, 10.0, 2.0, 10.0
GRACE = 6.0
TICK = 0.5
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class Hall:
    """One project, its clock, and what is to happen when."""

    def __init__(self, project: Project, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project, self.chance = project, random.Random(seed)
        self.time = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        hall = self

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return BEGIN + timedelta(seconds=hall.time)

        monkeypatch.setattr(clock, "datetime", Clock)

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.time + seconds, next(self._count), what))

    def run(self, until: Callable[[], bool], at_most: float) -> None:
        """Let time pass. Fails where it does not end."""
        while not until():
            assert self._events, "nothing happens any more"
            self.time, _, what = heapq.heappop(self._events)
            assert self.time < at_most, f"not done after {at_most} s"
            what()


@dataclass
class Browser:
    """One annotator's tab. `think` gives the seconds that a text takes, `delay` those that a message does one way."""

    hall: Hall
    name: str
    think: Callable[[], float]
    delay: Callable[[], float]
    queue: list[str] = field(default_factory=list)
    outbox: list[Sent] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    lost: str | None = None
    shown: list[str] = field(default_factory=list)
    """What was answered, in order."""
    passed_on: list[str] = field(default_factory=list)
    waited: float = 0.0
    """The longest time without a flag while there was one on nobody's screen that the annotator could answer."""
    away: bool = False
    """Closed, asleep or cut off."""

    def open(self) -> None:
        self.away = False
        self.opened = self.hall.time
        self.ahead, self.exhausted, self.asked_at = messages.QUEUE, False, self.hall.time
        self.heard = self.touched = self.hall.time
        self.in_flight: float | None = None
        self.waits_since: float | None = None
        self.analysis: int | None = None
        self.open_flags = 0
        self.queue, self.back, self.lost = [], [], None
        told = messages.welcome(self.hall.project, Sitting(self.name), again=True)
        self._take(told.handed, told.numbers.progress.open, wanted=True)
        self._tick(self.opened)
        self.hall.after(self.think(), lambda: self._work(self.opened))

    def close(self, back_after: float) -> None:
        """As when the tab is closed: the server notices at once, and the outbox stays in the browser."""
        self.away, self.opened = True, -1.0
        self.hall.after(GRACE, self._given_back)
        self.hall.after(back_after, self.open)

    def lose_network(self, seconds: float) -> None:
        """The annotator works on, and the server notices that the connection broke."""
        self.away = True
        self.hall.after(GRACE + 2, self._given_back)
        self.hall.after(seconds, self._back)

    def fall_asleep(self, seconds: float) -> None:
        """Nobody is there and no timer runs, but the connection stands."""
        self.asleep = True
        self.away = True
        self.hall.after(seconds, self._back)

    asleep: bool = False

    def _back(self) -> None:
        self.away = self.asleep = False

    def _given_back(self) -> None:
        if self.away:
            with store.writing(self.hall.project.db) as db:
                store.leave(db, self.name)

    def _work(self, opened: float) -> None:
        if opened != self.opened:
            return
        if not self.asleep:
            self.answer()
        self.hall.after(self.think(), lambda: self._work(opened))

    def answer(self) -> None:
        """Press a key."""
        if self.hall.time - self.touched > BEAT:
            self.heard = -BEAT
        self.touched = self.hall.time
        if not self.queue:
            return
        id = self.queue.pop(0)
        if id == self.lost:
            self.lost = None
            return
        self.shown.append(id)
        act, label = self.hall.chance.choice([("unsure", None), ("skip", None), ("relabel", "positive")])
        token = f"{self.name}-{len(self.shown)}"
        self.outbox.append(Sent(token=token, id=id, act=act, label=label, analysis_id=self.analysis))
        self._flush(self.opened)

    def _tick(self, opened: float) -> None:
        if opened == self.opened:
            self._flush(opened)
            self.hall.after(TICK, lambda: self._tick(opened))

    @property
    def held(self) -> list[str]:
        return [id for id in self.queue if id != self.lost]

    def _want(self) -> int:
        after = ASK_AGAIN if self.held else ASK_AGAIN_EMPTY
        with_others = self.open_flags - len(self.outbox) - len(self.queue)
        asks = not self.exhausted or (with_others > 0 and self.hall.time - self.asked_at > after)
        return self.ahead - len(self.held) if asks and len(self.held) < REFILL_BELOW * self.ahead else 0

    def _flush(self, opened: float) -> None:
        if self.away or (self.in_flight is not None and self.hall.time - self.in_flight < 2 + 20):
            return
        want = self._want()
        if not (self.outbox or want or self.back or self.hall.time - self.heard > BEAT):
            return
        self.in_flight = sent_at = self.hall.time
        message = Message(
            decisions=list(self.outbox),
            want=want,
            have=self.held,
            back=list(self.back),
            analysis_id=self.analysis,
            idle=self.hall.time - self.touched,
        )
        self.hall.after(self.delay(), lambda: self._arrive(message, opened, sent_at))

    def _arrive(self, message: Message, opened: float, sent_at: float) -> None:
        if self.away and not self.asleep:
            return  # lost on its way
        sitting, project = Sitting(self.name), self.hall.project
        receipt = messages.receive(project, sitting, message.decisions)
        assert not receipt.refused
        news = messages.news(project, sitting, message, receipt, lambda db: None)
        self._watch(bool(message.have or news.handed.items), message.idle)

        def hear() -> None:
            if (self.away and not self.asleep) or opened != self.opened:
                return
            self.in_flight, self.heard = None, self.hall.time
            self.outbox = [d for d in self.outbox if d.token not in receipt.acknowledged]
            for taken in receipt.passed_on.values():
                self.passed_on += taken
                self.shown = [id for id in self.shown if id not in taken]
            self.back = [id for id in self.back if id not in message.back]
            self._take(news.handed, news.numbers.progress.open, wanted=news.wanted)

        self.hall.after(self.delay(), hear)

    def _watch(self, has_one: bool, idle: float) -> None:
        """How long the annotator waits for what is on nobody's screen."""
        with store.reading(self.hall.project.db) as db:
            viewer = store.Viewer(self.name, store.project_settings(db).overlap, past_ahead=True)
            some = not has_one and bool(store.flagged(db, 1, "expected-gain", viewer, limit=1))
        if not some:
            self.waits_since = None
            return
        self.waits_since = self.waits_since if self.waits_since is not None else self.hall.time
        self.waited = max(self.waited, self.hall.time - self.waits_since)

    def _take(self, handed: Handed, open_flags: int, *, wanted: bool) -> None:
        self.ahead, self.open_flags, self.analysis = handed.ahead, open_flags, handed.analysis_id
        self.queue = [id for n, id in enumerate(self.queue) if n == 0 or id not in handed.lost]
        new = [i.flag.id for i in handed.items]
        if self.queue and self.queue[0] in handed.lost:
            self.lost = self.queue[0]
        elif self.lost in new or self.lost not in self.queue:
            self.lost = None
        waiting = {d.id for d in self.outbox}
        self.queue += [id for id in new if id not in self.queue and id not in self.shown and id not in waiting]
        most = max(1, self.ahead)
        self.back += self.queue[most:]
        del self.queue[most:]
        if wanted:
            self.exhausted, self.asked_at = handed.short, self.hall.time
