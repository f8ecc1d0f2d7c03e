// The review card: ties room, outbox, keys and view together and talks to the server.
//
// Streamlit calls the default export again whenever the data or the theme change, without an unmount between, and may
// run the clean-up of a superseded call late. So everything lives in one Card per mount, kept on the mount's root.

const RESEND_AFTER = 2000; // ms without an answer
const OFFLINE_AFTER = 4500;

let current = null; // the card that has the keys; one that is about to be replaced may still be on the page

class Card {
  constructor(root, data) {
    current = this;
    this.root = root;
    this.config = data.config;
    this.stop = new AbortController();
    this.outbox = new Outbox(data.config.project, data.config.annotator);
    this.room = new Room(this.outbox);
    this.inFlight = null; // {seq, at}: the message that has not been answered
    this.silentSince = null;
    this.room.take(data);
    this.bindings = new Bindings(data.config.keys, data.config.annotator);
    this.pauses = new Pauses(data.config.breaks, data.config.annotator);
    this.warning = new Warning(data.config.warning, data.config.annotator);
    this.view = new View(this, root, data.config);
    this.listen();
    this.fit();
    this.view.body.focus({ preventScroll: true });
  }

  listen() {
    const { signal } = this.stop;
    listenForKeys({
      bindings: this.bindings,
      allows: (name) => this.allows(name),
      act: (name, digit) => this.act(name, digit),
      release: () => this.view.reveal(false),
      signal,
    });
    const notice = () => (this.view.parts.paused.hidden = !takesText(deepActive()));
    for (const event of ["focusin", "focusout"]) document.addEventListener(event, () => setTimeout(notice), { signal });
    window.addEventListener("resize", () => this.fit(), { signal });
    window.addEventListener("online", () => this.flush(), { signal });
    window.addEventListener("storage", () => this.showSaved(), { signal });
    window.addEventListener("beforeunload", (event) => this.outbox.durable || !this.outbox.size || event.preventDefault(), { signal });
    this.timer = setInterval(() => this.tick(), 250);
    const style = make("style", {}, PAGE_STYLE);
    document.head.append(style);
    signal.addEventListener("abort", () => {
      clearInterval(this.timer);
      style.remove();
    });
  }

  /** Keys rest while a dialog or menu of Streamlit's is open, or one of ours, which ? closes. */
  allows(name) {
    if (current !== this || document.querySelector('[role="dialog"], [data-baseweb="popover"]')) return false;
    if (this.warning.pending) return false;
    return !this.view.dialogOpen || name === "keys";
  }

  receive(component) {
    this.send = component.setTriggerValue;
    const { data } = component;
    if (data !== this.seen) {
      this.seen = data;
      if (this.inFlight && data.seq === this.inFlight.seq) this.inFlight = null;
      this.silentSince = null;
      this.update(() => this.room.take(data));
    }
    this.fit();
    this.flush();
    this.showSaved();
  }

  /** Change the room, and draw the card anew without taking the focus from a row or a note. */
  update(change) {
    const { view, room } = this;
    const shown = room.shown;
    const place = view.rows.indexOf(this.root.activeElement?.closest("li.row"));
    change();
    view.render();
    if (room.shown === shown && place >= 0) view.refocusRow(place);
  }

  act(name, ...rest) {
    const { room, view } = this;
    const item = room.shown;
    const commands = {
      label: (digit) => this.label(this.config.labels[digit - 1]),
      accept: () => item && (item.blind ? this.wantLabel() : this.label(item.suggested)),
      keep: () => item && (item.blind ? this.wantLabel() : this.decide("keep", room.labelOf(item))),
      unsure: () => this.decide("unsure"),
      skip: () => this.decide("skip"),
      flag: () => this.decide("flag"),
      leaveOut: () => (item?.leave_out ? this.decide("leave-out") : view.tell(this.config.strings.no_leave_out)),
      undo: () => this.undo(),
      back: () => this.update(() => room.walk(-1)),
      forth: () => this.update(() => room.walk(1)),
      up: () => view.moveFocus(-1),
      down: () => view.moveFocus(1),
      relabelFocused: (digit) => this.relabel(view.focusedRow, this.config.labels[digit - 1]),
      relabelRow: (row, label) => this.relabel(row, label),
      twins: () => this.toggleTwins(),
      note: () => item && view.showNote({ open: true }),
      guidelines: () => view.toggleGuide(),
      keys: () => view.toggle("keySheet"),
      today: () => view.openToday(),
      reveal: () => view.reveal(true),
      leave: () => view.body.focus({ preventScroll: true }),
    };
    commands[name](...rest);
    this.flushSoon();
    this.showSaved();
  }

  label(label) {
    if (label !== undefined) this.decide("relabel", label);
  }

  /** In the audit neither the suggestion nor the silver label is known, so neither can be accepted. */
  wantLabel() {
    this.view.tell(this.config.strings.audit_needs_label);
  }

  toggleTwins() {
    let some = false;
    this.update(() => (some = this.room.toggleTogether()));
    if (!some) this.view.tell(this.config.strings.no_twins);
  }

  decide(act, label = null) {
    let decision = null;
    this.update(() => (decision = this.room.decide(act, label)));
    if (decision === null) return;
    this.pauses.decided();
    this.view.showNudge();
    this.root.activeElement?.closest(".flagged, .evidence, .counter") && this.view.body.focus({ preventScroll: true });
    const { strings } = this.config;
    const told = fill(strings.past[decision.act], { label: label ?? "" });
    this.view.tell(decision.also.length ? fill(strings.past_also, { what: told, count: decision.also.length }) : told);
  }

  relabel(row, label) {
    const { strings } = this.config;
    if (row === null || label === undefined) return this.view.tell(strings.no_row);
    let decision = null;
    this.update(() => (decision = this.room.relabelInPlace(row, label)));
    return this.view.tell(fill(decision ? strings.relabelled_row : strings.same_row, { label }));
  }

  undo() {
    const { strings } = this.config;
    let undone = null;
    this.update(() => (undone = this.room.undo()));
    if (undone === null) this.view.tell(strings.nothing_to_undo);
    else if (undone === "asked") this.view.tell(strings.undoing);
    else this.view.tell(fill(strings.undone, { what: fill(strings.past[undone.act], { label: undone.label ?? "" }) }));
  }

  /** Send what waits once the browser has painted the next item: Streamlit's work with a message takes longer than that. */
  flushSoon() {
    requestAnimationFrame(() => setTimeout(() => this.root.isConnected && this.flush()));
  }

  /** Send what waits, one message at a time; each holds the whole outbox, so a lost one costs nothing. */
  flush() {
    if (!this.send || (this.inFlight && Date.now() - this.inFlight.at < RESEND_AFTER)) return;
    const message = this.room.message();
    if (!message.decisions.length && !message.want && !message.look.length) return;
    this.inFlight = { seq: moment(), at: Date.now() };
    this.silentSince ??= Date.now();
    this.send("message", { ...message, seq: this.inFlight.seq, annotator: this.config.annotator });
  }

  tick() {
    if (!this.root.isConnected) return this.close();
    this.flush();
    return this.showSaved();
  }

  showSaved() {
    const count = this.outbox.size;
    const silent = this.silentSince !== null && Date.now() - this.silentSince > OFFLINE_AFTER;
    const kept = this.outbox.durable ? "" : "_here";
    if (count === 0) this.view.showSaved("saved", 0);
    else this.view.showSaved((silent || !navigator.onLine ? "offline" : "saving") + kept, count);
  }

  /** Take the height that the window leaves, so that an ordinary text needs no scrolling of the page. */
  fit() {
    const top = this.view.body.getBoundingClientRect().top + (document.scrollingElement?.scrollTop ?? 0);
    this.view.body.style.setProperty("--height", `${Math.max(520, window.innerHeight - top - 16)}px`);
  }

  close() {
    this.stop.abort();
    this.view.body.remove();
    if (current === this) current = null;
    if (this.root.card === this) this.root.card = undefined;
  }
}

/** The element that has the focus, looked up through shadow roots. */
function deepActive() {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active;
}

// The room takes the space that Streamlit leaves empty around a page; given back when the card goes.
const PAGE_STYLE = `
  [data-testid="stMainBlockContainer"] { padding: 0.6rem 3.5rem 0; }
  [data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.4rem; }
  [data-testid="stHeader"] { background: transparent; }
  [data-testid="stHeader"], [data-testid="stHeader"] * { pointer-events: none; }
  [data-testid="stHeader"] :is(button, a, button *, a *) { pointer-events: auto; }
`;

export default function reviewCard(component) {
  const root = component.parentElement;
  if (root.card && root.card.config.key !== component.data.config.key) root.card.close(); // another project, order or name
  root.card ??= new Card(root, component.data);
  root.card.receive(component);
  return () => setTimeout(() => root.isConnected || root.card?.close());
}
