// What the annotator sees and has done, without any DOM: the queue of open flags, the trail of decisions, and moving
// back and forth through it. Everything changes here first; the outbox tells the server.

const QUEUE = 20; // flags held ahead, until the server says how many
const REFILL_BELOW = 0.6; // of them
const ASK_AGAIN = 10000; // ms, while the flags that are left are with other annotators
const ASK_AGAIN_EMPTY = 2000; // where there is nothing left here to review
const LOOK_BACK = 3; // earlier flags fetched ahead while walking through history

class Room {
  constructor(outbox) {
    this.outbox = outbox;
    this.items = new Map(); // id → item, open or decided
    this.queue = []; // ids of open flags; the first is the one to decide
    this.back = []; // ids of flags to give back, until the server has heard of it
    this.trail = null; // this annotator's standing decisions, oldest first
    this.labels = new Map(); // id → current label, if a decision of this session concerns it
    this.notes = new Map(); // id → note that goes with the next decision
    this.cursor = null; // place in the trail while looking back
    this.missing = new Set();
    this.togetherOn = null; // id of the flag whose next decision is for its twins too
    this.answers = new Map(); // id → what others said, once this annotator's own answer is in
    this.refused = [];
    this.lost = null; // id of the first flag, where it went to others, or was answered in another tab, while on screen
    this.passedOn = 0; // answers that were not needed, since others had given theirs
    this.exhausted = false;
    this.ahead = QUEUE;
    this.problem = ""; // why decisions could not be stored
    this.unread = ""; // why nothing could be read
    this.smallWords = new Set(); // of the texts' language
  }

  /** Apply what the server sent: new flags, acknowledgements, and numbers. */
  take(data) {
    if (this.trail === null) this.begin(data.history ?? [], data.history_complete ?? true);
    if (data.small_words) this.smallWords = new Set(data.small_words);
    const undone = data.undone.filter((d) => this.outbox.all().some((waiting) => waiting.token === d.by));
    this.outbox.drop(data.acknowledged);
    this.settleRefusals(data.refused);
    this.settlePassedOn(data.passed_on);
    const { analysis = this.analysis, progress = this.progress, exposure = this.exposure, ahead = this.ahead, outlook = this.outlook } = data;
    if (analysis !== this.analysis) this.queue.length = Math.min(this.queue.length, 1);
    Object.assign(this, { analysis, progress, exposure, ahead, outlook, problem: data.problem, unread: data.unread });
    for (const item of [...data.items, ...data.looked]) this.items.set(item.id, item);
    for (const id of data.missing) this.missing.add(id);
    const lost = new Set(data.lost);
    this.queue = this.queue.filter((id, n) => !this.missing.has(id) && (n === 0 || !lost.has(id))); // never the one on screen
    if (lost.has(this.queue[0])) this.lost = this.queue[0];
    else if (data.items.some((item) => item.id === this.lost) || !this.queue.includes(this.lost)) this.lost = null;
    for (const [id, given] of Object.entries(data.answers)) this.answers.set(id, given);
    for (const { id } of data.items) if (!this.decided(id) && !this.queue.includes(id)) this.queue.push(id);
    this.back = this.back.filter((id) => !data.back.includes(id));
    this.back.push(...this.queue.splice(Math.max(1, this.ahead))); // only flags given back here may go to others
    if (data.exhausted !== null) Object.assign(this, { exhausted: data.exhausted, askedAt: Date.now() });
    const waiting = new Set(this.outbox.all().map((d) => d.id));
    for (const [id, label] of Object.entries(data.labels)) if (!waiting.has(id)) this.labels.set(id, label);
    for (const decision of undone) this.reopen(decision);
  }

  begin(history, complete) {
    this.trail = [...history].reverse();
    this.complete = complete;
    for (const waiting of this.outbox.all()) {
      if (waiting.act === "undo") this.trail = this.trail.filter((d) => d.token !== waiting.undoes);
      else if (!this.trail.some((d) => d.token === waiting.token)) this.trail.push(waiting);
    }
  }

  settleRefusals(refused) {
    for (const [token, why] of Object.entries(refused)) {
      this.outbox.drop([token]);
      this.trail = this.trail.filter((d) => d.token !== token);
      this.refused.push(why);
    }
  }

  /** Answers that others had given meanwhile: they were never ours, nor was what undid them. */
  settlePassedOn(passedOn) {
    for (const [token, ids] of Object.entries(passedOn)) {
      this.passedOn += ids.length;
      const decision = this.trail.find((d) => d.token === token);
      if (decision && !ids.includes(decision.id)) continue; // a twin of it
      this.trail = this.trail.filter((d) => d.token !== token);
      this.outbox.drop(this.outbox.all().filter((d) => d.undoes === token).map((d) => d.token));
      if (ids.includes(this.queue[0])) this.lost = this.queue[0];
    }
  }

  /** Texts looked at again were decided before: for them only decisions of this card count. */
  decided(id) {
    const again = this.items.get(id)?.again;
    return this.trail.some((d) => (d.made || !again) && (d.id === id || d.also?.includes(id)));
  }

  /** The decision being looked back at, or null at the head of the queue. */
  get past() {
    return this.cursor === null ? null : this.trail[this.cursor];
  }

  get shownId() {
    return this.past?.id ?? this.queue[0] ?? null;
  }

  get shown() {
    return this.items.get(this.shownId) ?? null;
  }

  /** Whether the text on screen no longer waits for an answer; it stays to be seen, and any answer to it goes on to the next. */
  get isLost() {
    return this.cursor === null && this.lost !== null && this.lost === this.queue[0];
  }

  passOn() {
    this.queue.shift();
    this.lost = null;
  }

  labelOf(row) {
    return this.labels.get(row.id) ?? row.label;
  }

  /** Decide on the shown flag. A label that it already has is a keep. Returns the decision or null. */
  decide(act, label = null) {
    const item = this.shown;
    if (item === null) return null;
    const settled = act === "relabel" && label === this.labelOf(item) ? "keep" : act;
    const also = this.together ? this.openTwins(item).map((twin) => twin.id) : [];
    const { id, analysis, again, order, suggested } = item;
    const decision = this.record({ id, act: settled, label, analysis, also, again, order, suggested: suggested || null });
    this.queue = this.queue.filter((id) => id !== item.id && !also.includes(id));
    this.cursor = null;
    return decision;
  }

  /** Texts with nearly the same words that have not been decided in this browser either. */
  openTwins(item) {
    return item.twins.filter((twin) => !this.decided(twin.id));
  }

  /** Whether the next decision is for the shown flag's twins as well. */
  get together() {
    return this.togetherOn !== null && this.togetherOn === this.shownId;
  }

  /** Show the twins that the next decision will also apply to, or remove them again; false if there are none. */
  toggleTogether() {
    const some = this.shown !== null && !this.shown.blind && this.openTwins(this.shown).length > 0;
    this.togetherOn = some && !this.together ? this.shownId : null;
    return some;
  }

  /** Relabel an influencer while its flag stays in view; null if it already has the label. */
  relabelInPlace(row, label) {
    if (this.labelOf(row) === label) return null;
    const queued = this.queue.indexOf(row.id) > 0;
    if (queued) this.queue = this.queue.filter((id) => id !== row.id);
    return this.record({ id: row.id, act: "relabel", label, analysis: this.analysis, inPlace: true, queued });
  }

  record({ id, act, label, analysis, inPlace = false, queued = false, also = [], again = false, order = null, suggested = null }) {
    const note = inPlace ? "" : (this.notes.get(id) ?? "");
    const decision = { token: freshToken(), id, act, label, note, undoes: null, analysis, inPlace, queued, also, again, order, suggested };
    decision.made = moment();
    decision.before = this.labels.get(id);
    this.togetherOn = null;
    this.outbox.put(decision);
    this.trail.push(decision);
    this.notes.delete(id);
    if (label !== null) for (const one of [id, ...also]) this.labels.set(one, label);
    return decision;
  }

  /** Undo the last decision. Returns it, "asked" if only the server knows it, or null if nothing is left. */
  undo() {
    const last = this.trail.at(-1);
    if (!last && this.complete) return null;
    const undo = { token: freshToken(), id: last?.id ?? "", act: "undo", label: null, note: "", made: moment() };
    this.outbox.put({ ...undo, undoes: last?.token ?? null, analysis: this.analysis, inPlace: last?.inPlace ?? false });
    if (!last) return "asked";
    this.trail.pop();
    if (last.before === undefined) this.labels.delete(last.id);
    else this.labels.set(last.id, last.before);
    for (const id of last.also ?? []) this.labels.delete(id);
    if (last.note) this.notes.set(last.id, last.note);
    this.reopen(last);
    return last;
  }

  reopen(undone) {
    this.cursor = null;
    const stays = this.decided(undone.id) || (undone.inPlace && !undone.queued) || this.missing.has(undone.id);
    if (stays) return;
    this.queue = this.queue.filter((id) => id !== undone.id);
    this.queue.splice(undone.inPlace ? this.placeOf(undone.id) : 0, 0, undone.id);
    const twins = (undone.also ?? []).filter((id) => this.items.has(id) && !this.queue.includes(id));
    for (const id of twins) this.queue.splice(this.placeOf(id), 0, id);
  }

  placeOf(id) {
    const rankOf = (one) => this.items.get(one)?.rank || Infinity; // an audited text has none
    const later = this.queue.findIndex((other, n) => n > 0 && rankOf(other) > rankOf(id));
    return later < 0 ? this.queue.length : later;
  }

  /** One step back (-1) or forth (1) through the flags decided so far; false at either end. */
  walk(step) {
    if (this.cursor === null && step > 0) return false;
    let place = (this.cursor ?? this.trail.length) + step;
    while (this.trail[place]?.inPlace) place += step;
    if (place < 0) return false;
    this.cursor = place < this.trail.length ? place : null;
    return true;
  }

  /** How many flags have been decided after the one being looked back at. */
  get stepsBack() {
    return this.cursor === null ? 0 : this.trail.slice(this.cursor).filter((d) => !d.inPlace).length;
  }

  /** Everything the server must know: what was decided, what is held here, and what is needed. */
  message() {
    return {
      decisions: this.outbox.all(),
      analysis: this.analysis,
      have: this.held,
      back: this.back,
      want: this.hungry ? this.ahead - this.held.length : 0,
      look: this.unseen(),
    };
  }

  get held() {
    return this.queue.filter((id) => id !== this.lost);
  }

  get hungry() {
    const after = this.held.length ? ASK_AGAIN : ASK_AGAIN_EMPTY;
    const worthAsking = !this.exhausted || (this.withOthers > 0 && Date.now() - this.askedAt > after);
    return worthAsking && this.held.length < REFILL_BELOW * this.ahead;
  }

  /** How many open flags other annotators hold at the moment. */
  get withOthers() {
    return Math.max(0, this.progress.open - this.uncounted - this.queue.length);
  }

  unseen() {
    const back = this.cursor === null ? [] : this.trail.slice(Math.max(0, this.cursor - LOOK_BACK), this.cursor + 1);
    const wanted = [...this.queue, ...back.filter((d) => !d.inPlace).map((d) => d.id)];
    return [...new Set(wanted)].filter((id) => !this.items.has(id) && !this.missing.has(id));
  }

  /** Flags decided here that the server has not counted yet, less those undone. */
  get uncounted() {
    const steps = this.outbox.all().filter((d) => !d.inPlace);
    return steps.reduce((sum, d) => sum + (d.act === "undo" ? -1 : 1), 0);
  }
}
