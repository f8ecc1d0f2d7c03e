// The review card: ties room, outbox, keys and view together and talks to the server.
//
// Streamlit calls the default export again whenever the data or the theme changes, without an unmount in between, and
// may run the clean-up of a superseded call late. So everything is in one Card per mount, kept on the mount's root.

const RESEND_AFTER = 2000; // ms without an answer
const BUSY_FOR = 45_000; // longer than the longest wait for a locked database
const OFFLINE_AFTER = 4500;
const BEAT = 10_000; // ms after which the server hears of us, so that what is held ahead stays ours (HERE_SECONDS)
const REST = 5000; // ms after an answer that reports a failing disk or database
const STRAY = 300; // ms after the warning during which a second Enter is ignored

let current = null; // the card that receives the keys; one about to be replaced may still be on the page

class Card {
  constructor(root, data) {
    current = this;
    this.root = root;
    this.config = data.config;
    this.stop = new AbortController();
    this.outbox = new Outbox(data.config.project, data.config.annotator);
    this.room = new Room(this.outbox);
    this.inFlight = null; // {seq, at}: the unanswered message
    this.silentSince = null;
    this.rested = 0; // when the next message may be sent
    this.heard = Date.now(); // of the server, that is, it of us
    this.touched = Date.now(); // when the annotator last did something
    this.exploring = null; // {id, from}: the text to open in Explore, and the one on screen
    this.place = new Place(data.config);
    this.room.take(data);
    this.place.restore(this.room);
    this.connection = new Connection(() => location.reload());
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
      takes: (event, target) => this.passesWarning(event, target),
      allows: (name) => this.allows(name),
      act: (name, digit) => this.act(name, digit),
      release: () => this.view.reveal(false),
      signal,
    });
    const notice = () => (this.view.parts.paused.hidden = !takesText(deepActive()));
    for (const event of ["focusin", "focusout"]) document.addEventListener(event, () => setTimeout(notice), { signal });
    this.keepKeys(signal);
    window.addEventListener("resize", () => this.fit(), { signal });
    this.fitBelow(signal);
    for (const event of ["keydown", "pointerdown", "pointermove", "wheel"]) document.addEventListener(event, () => this.touch(), { signal, passive: true, capture: true });
    for (const event of ["online", "focus"]) window.addEventListener(event, () => this.tick(), { signal });
    document.addEventListener("visibilitychange", () => this.tick(), { signal }); // timers sleep in the background
    window.addEventListener("pagehide", () => this.place.keep(this.room), { signal });
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

  /**
   * Give the keys back to the card when a dialog of Streamlit's hands the focus to the button that opened it: Enter
   * would open it again instead of deciding. Whoever goes to a button by Tab or mouse keeps it.
   */
  keepKeys(signal) {
    let led = null; // by hand: the element pressed, or "Tab"
    document.addEventListener("pointerdown", (event) => (led = event.composedPath()[0]), { signal, capture: true });
    document.addEventListener("keydown", (event) => (led = event.key === "Tab" ? "Tab" : null), { signal, capture: true });
    const back = ({ target }) => {
      if (current !== this || led === "Tab" || !target.matches("button") || target.closest(ASKING) || this.root.contains(target)) return;
      if (!(led instanceof Node && target.contains(led))) this.view.body.focus({ preventScroll: true });
    };
    document.addEventListener("focusin", back, { signal });
  }

  /** Keys are inactive while a dialog or menu of Streamlit's or ours is open; ? closes ours. */
  allows(name) {
    if (current !== this || streamlitAsks()) return false;
    if (this.warning.pending || (name === "accept" && Date.now() - this.passedAt < STRAY)) return false;
    return !this.view.dialogOpen || name === "keys";
  }

  /** Enter dismisses the warning, whatever it is bound to. */
  passesWarning(event, target) {
    if (!this.warning.pending || current !== this || event.key !== "Enter") return false;
    if (isComposing(event) || isNative(event, target) || streamlitAsks() || this.view.dialogOpen) return false;
    event.preventDefault();
    if (!event.repeat) this.passWarning();
    return true;
  }

  passWarning() {
    this.passedAt = Date.now();
    this.warning.accept();
    this.view.drawn = null;
    this.view.render();
    this.view.body.focus({ preventScroll: true });
  }

  receive(component) {
    this.send = component.setTriggerValue;
    const { data } = component;
    if (data !== this.seen) {
      this.seen = data;
      if (this.inFlight && data.seq === this.inFlight.seq) {
        if (this.inFlight.explore) this.exploring = null; // it could not be opened
        this.inFlight = null;
      }
      this.silentSince = null;
      this.heard = Date.now();
      this.update(() => this.room.take(data));
      this.rested = Date.now() + (data.problem || data.unread ? REST : 0);
    }
    this.fit();
    this.flush();
    this.showSaved();
  }

  /** Change the room, and redraw the card without taking the focus from a row or a note. */
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
      label: (digit) => this.label(this.config.numbered[digit - 1] ?? undefined),
      give: (label) => this.label(label),
      accept: () => item && (item.blind ? this.wantLabel() : this.label(item.suggested)),
      keep: () => item && (item.blind ? this.wantLabel() : room.labelOf(item) ? this.decide("keep", room.labelOf(item)) : view.tell(this.config.strings.nothing_to_keep)),
      unsure: () => this.decide("unsure"),
      skip: () => this.decide("skip"),
      flag: () => this.decide("flag"),
      labels: () => this.chooseLabel(),
      leaveOut: () => (item?.leave_out ? this.decide("leave-out") : view.tell(this.config.strings.no_leave_out)),
      undo: () => this.undo(),
      back: () => this.update(() => room.walk(-1)),
      forth: () => this.update(() => room.walk(1)),
      up: () => view.moveFocus(-1),
      down: () => view.moveFocus(1),
      relabelFocused: (digit) => this.relabel(view.focusedRow, this.config.numbered[digit - 1] ?? undefined),
      slash: (digit) => (view.focusedRow ? commands.relabelFocused(digit) : this.chooseLabel()),
      relabelRow: (row, label) => this.relabel(row, label),
      twins: () => this.toggleTwins(),
      note: () => item && view.showNote({ open: true }),
      guidelines: () => view.toggleGuide(),
      details: () => view.choose("details"),
      marks: () => view.choose("marks"),
      explore: () => this.explore(),
      keys: () => view.toggle("keySheet"),
      today: () => view.openToday(),
      further: () => view.scroll(1),
      nearer: () => view.scroll(-1),
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

  /** Ask for any label, for the focused influencer, else for the text. */
  chooseLabel() {
    const { room, view } = this;
    const { strings } = this.config;
    const item = room.shown;
    const row = view.focusedRow;
    if (item === null) return;
    view.labelList.ask({
      about: row ? fill(strings.labels_of_row, { text: row.text.slice(0, 80) }) : strings.labels_of_text,
      current: row ? room.labelOf(row) : item.blind ? null : room.labelOf(item),
      choose: (label) => {
        if (room.shown !== item) view.tell(strings.moved_on);
        else if (row) this.act("relabelRow", row, label);
        else this.act("give", label);
      },
    });
  }

  /** In the audit neither the suggestion nor the silver label is shown, so neither can be accepted. */
  wantLabel() {
    this.view.tell(this.config.strings.audit_needs_label);
  }

  /** Ask the server for Explore, for the focused influencer, else for the text; a text of the audit stays unexplained. */
  explore() {
    const { room, view } = this;
    const item = room.shown;
    if (item === null) return;
    if (item.blind) return view.tell(this.config.strings.no_explore);
    this.exploring = { id: view.focusedRow?.id ?? item.id, from: item.id };
    view.tell(this.config.strings.exploring);
  }

  toggleTwins() {
    let some = false;
    this.update(() => (some = this.room.toggleTogether()));
    if (!some) this.view.tell(this.config.strings.no_twins);
  }

  decide(act, label = null) {
    if (this.room.isLost) {
      this.update(() => this.room.passOn());
      return this.view.tell(this.config.strings.went_on);
    }
    let decision = null;
    this.update(() => (decision = this.room.decide(act, label)));
    if (decision === null) return undefined;
    this.pauses.decided();
    this.view.showNudge();
    this.root.activeElement?.closest(".flagged, .evidence, .counter") && this.view.body.focus({ preventScroll: true });
    const { strings } = this.config;
    const told = fill(strings.past[decision.act], { label: label ?? "" });
    return this.view.tell(decision.also.length ? fill(strings.past_also, { what: told, count: decision.also.length }) : told);
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

  /** Send what waits once the browser has painted the next item: Streamlit takes longer to handle a message. */
  flushSoon() {
    requestAnimationFrame(() => setTimeout(() => this.root.isConnected && this.flush()));
  }

  /** Send what waits, one message at a time; each holds the whole outbox, so a lost one costs nothing. */
  flush() {
    if (!this.send || Date.now() < this.rested || (this.inFlight && Date.now() - this.inFlight.at < this.patience)) return;
    const message = this.room.message();
    if (!message.decisions.length && !message.want && !message.look.length && !message.back.length && !this.room.unread && !this.exploring && !this.beatDue) return;
    this.silentSince ??= Date.now();
    if (!this.connection.open) return;
    this.inFlight = { seq: moment(), at: Date.now(), explore: this.exploring };
    this.send("message", { ...message, seq: this.inFlight.seq, annotator: this.config.annotator, explore: this.exploring, idle: (Date.now() - this.touched) / 1000 });
  }

  get beatDue() {
    return Date.now() - this.heard > BEAT && !this.connection.busy && !streamlitAsks();
  }

  /** The annotator did something; after a while without, the server is to hear of it before they go on. */
  touch() {
    if (Date.now() - this.touched > BEAT) this.heard = 0;
    this.touched = Date.now();
  }

  /** While the server is busy, it may be handling our message, which another one would interrupt and restart. */
  get patience() {
    return this.connection.open && this.connection.busy ? BUSY_FOR : RESEND_AFTER;
  }

  tick() {
    if (!this.root.isConnected) return this.close();
    this.flush();
    this.connection.watch(this.silentSince, () => this.mayLoad());
    return this.showSaved();
  }

  /** Whether a reload would lose nothing: what waits is in the browser's storage, and nobody is typing outside the room. */
  mayLoad() {
    const active = deepActive();
    return this.root.isConnected && this.outbox.durable && (!takesText(active) || this.root.contains(active.getRootNode().host ?? active));
  }

  showSaved() {
    const count = this.outbox.size;
    if (count === 0) this.view.showSaved("saved", 0);
    else this.view.showSaved(this.standing + (this.outbox.durable ? "" : "_here"), count);
  }

  /** What delays the outbox: nothing, the connection, or the disk. A healthy server may take its time. */
  get standing() {
    const silent = this.silentSince !== null && Date.now() - this.silentSince > OFFLINE_AFTER;
    if (!navigator.onLine || (silent && !this.connection.stands)) return "offline";
    return this.room.problem || this.room.unread ? "unsaved" : "saving";
  }

  /** Use the height that the window leaves, so that ordinary texts need no scrolling of the page. */
  fit() {
    const top = this.view.body.getBoundingClientRect().top + (document.scrollingElement?.scrollTop ?? 0);
    this.view.body.style.setProperty("--height", `${Math.max(520, window.innerHeight - top - 16)}px`);
  }

  /** Keep the height right at once when the line above the card takes another row or gives one back. */
  fitBelow(signal) {
    const line = (this.root.getRootNode().host ?? this.root).closest('[data-testid="stElementContainer"]')?.previousElementSibling;
    if (!line) return;
    const watch = new ResizeObserver(() => this.fit());
    watch.observe(line);
    signal.addEventListener("abort", () => watch.disconnect());
  }

  close() {
    this.place.keep(this.room);
    this.stop.abort();
    this.view.remove();
    if (current === this) current = null;
    if (this.root.card === this) this.root.card = undefined;
  }
}

const ASKING = '[role="dialog"], [data-baseweb="popover"]';

/** Whether a dialog or menu of Streamlit's is open. */
function streamlitAsks() {
  return document.querySelector(ASKING) !== null;
}

/** The element that has the focus, looked up through shadow roots. */
function deepActive() {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active;
}

// The room uses the space that Streamlit leaves empty around a page, and returns it when the card is removed.
const PAGE_STYLE = `
  [data-testid="stMainBlockContainer"] { padding: 0.6rem 3.5rem 0; }
  [data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.4rem; }
  .st-key-review_scripts { display: none; }
  [data-testid="stHeader"] { background: transparent; }
  [data-testid="stHeader"], [data-testid="stHeader"] * { pointer-events: none; }
  [data-testid="stHeader"] :is(button, a, button *, a *) { pointer-events: auto; }
`;

function reviewCard(component) {
  const root = component.parentElement;
  if (root.card && root.card.config.key !== component.data.config.key) root.card.close(); // another project, order or name
  root.card ??= new Card(root, component.data);
  root.card.receive(component);
  return () => setTimeout(() => root.isConnected || root.card?.close());
}

const scripts = (globalThis.inffeedReviewCard ??= {}); // where mount.js finds the card
scripts.arrival ??= Promise.resolve();
scripts.card = reviewCard;
scripts.arrived?.();

export default () => undefined; // Streamlit asks for one
