// Where the annotator is in this tab: the text on screen, the decision being looked back at, and unsent notes.
// Kept when the page closes, so that a reload returns to the same place.

const FRESH = 5 * 60_000; // ms after which the room starts at the first open flag

class Place {
  constructor(config) {
    this.memory = new Memory(() => sessionStorage, `inffeed/place/${config.sitting}`);
  }

  keep(room) {
    const { shownId, past, notes } = room;
    this.memory.set({ at: Date.now(), shown: shownId, back: past?.token ?? null, notes: [...notes] });
  }

  /** Restore the room to where it was. */
  restore(room) {
    const kept = this.memory.get();
    if (!kept || Date.now() - kept.at > FRESH) return;
    room.notes = new Map(kept.notes);
    if (room.queue.includes(kept.shown)) room.queue = [kept.shown, ...room.queue.filter((id) => id !== kept.shown)];
    const back = kept.back === null ? -1 : room.trail.findIndex((decision) => decision.token === kept.back);
    room.cursor = back < 0 ? null : back;
  }
}
