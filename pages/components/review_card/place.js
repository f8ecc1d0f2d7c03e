// Where the annotator is in this tab: the text on screen, the decision being looked back at, and unsent notes.
// Kept when the page closes, so that a reload returns to the same place.

const FRESH = 5 * 60_000; // ms after which the room starts at the first open flag

class Place {
  constructor(config) {
    this.memory = new Memory(() => sessionStorage, `inffeed/place/${config.sitting}`);
    this.at = config.at; // the text that the address asks for, however long ago it was left; else null
  }

  keep(room) {
    const { shownId, past, notes } = room;
    this.memory.set({ at: Date.now(), shown: shownId, back: past?.token ?? null, notes: [...notes] });
  }

  /** Restore the room to where it was. */
  restore(room) {
    const kept = this.memory.get();
    const fresh = kept && Date.now() - kept.at <= FRESH;
    if (fresh || this.at) room.notes = new Map(kept?.notes ?? []);
    const shown = this.at ?? (fresh ? kept.shown : null);
    if (room.queue.includes(shown)) room.queue = [shown, ...room.queue.filter((id) => id !== shown)];
    const back = this.placeBack(room, fresh ? kept.back : null);
    room.cursor = back < 0 ? null : back;
  }

  /** The decision to look back at: the one that was looked at, or the last about the text asked for. */
  placeBack({ trail, queue }, token) {
    const place = token === null ? -1 : trail.findIndex((decision) => decision.token === token);
    if (!this.at || trail[place]?.id === this.at) return place;
    return queue.includes(this.at) ? -1 : trail.findLastIndex((decision) => decision.id === this.at && !decision.inPlace);
  }
}
