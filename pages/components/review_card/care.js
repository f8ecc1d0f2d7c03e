// Care for readers: a warning before the first text, texts that stay blurred until revealed, a suggestion to
// take a break, and what one has read today. None of it ever delays a decision.

const IDLE = 5 * 60_000; // ms without a decision that count as a break

/** Remembers in this browser or, if that is refused, as long as the page is open. */
class Memory {
  constructor(store, place) {
    Object.assign(this, { store, place, held: null });
  }

  get() {
    try {
      return JSON.parse(this.store().getItem(this.place)) ?? this.held;
    } catch {
      return this.held;
    }
  }

  set(value) {
    this.held = value;
    try {
      this.store().setItem(this.place, JSON.stringify(value));
    } catch {
      // `held` has it
    }
  }
}

/** Counts time and decisions since the last break. `limits` = {minutes, decisions}; 0 is never. */
class Pauses {
  constructor(limits, annotator) {
    this.limits = limits;
    this.memory = new Memory(() => sessionStorage, `inffeed/pauses/${annotator}`);
  }

  get state() {
    return this.memory.get() ?? { since: Date.now(), last: Date.now(), decisions: 0 };
  }

  decided() {
    const state = this.state;
    const rested = Date.now() - state.last > IDLE;
    const { since, decisions } = rested ? { since: Date.now(), decisions: 0 } : state;
    this.memory.set({ since, last: Date.now(), decisions: decisions + 1 });
  }

  get minutes() {
    return Math.floor((this.state.last - this.state.since) / 60_000);
  }

  get due() {
    const { minutes, decisions } = this.limits;
    return (minutes > 0 && this.minutes >= minutes) || (decisions > 0 && this.state.decisions >= decisions);
  }

  restart() {
    this.memory.set({ since: Date.now(), last: Date.now(), decisions: 0 });
  }
}

/** The warning, shown once a day and again when it has been reworded. */
class Warning {
  constructor(text, annotator) {
    this.text = text;
    this.memory = new Memory(() => localStorage, `inffeed/warned/${annotator}`);
  }

  get pending() {
    return this.text !== "" && this.memory.get() !== this.mark;
  }

  get mark() {
    return `${new Date().toDateString()} ${this.text}`;
  }

  accept() {
    this.memory.set(this.mark);
  }
}

function warningPanel(text, strings, accept) {
  const go = make("button", { type: "button", class: "act accept", on: { click: accept } }, strings.warning_accept);
  return make(
    "div",
    { class: "warning", role: "region", "aria-label": strings.warning },
    make("h2", {}, strings.warning),
    make("p", { class: "prose", dir: "auto" }, text),
    go,
  );
}

/** Texts show while the pointer rests on them, pressed; `body` is the room. */
function revealWhileHeld(body) {
  let held = null;
  const hide = () => {
    held?.removeAttribute("data-held");
    held = null;
  };
  body.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !body.hasAttribute("data-blur")) return;
    hide();
    held = event.target.closest(".text, .row-text, .context dd");
    held?.setAttribute("data-held", "");
  });
  for (const event of ["pointerup", "pointercancel", "pointerleave"]) body.addEventListener(event, hide);
}

/** What the annotator has decided on today, shown only to them. `today` = {texts, minutes, acts, labels}. */
function todayFacts(today, strings) {
  const fact = (name, value) => make("div", {}, make("dt", {}, name), make("dd", { class: "number" }, value));
  const acts = ["unsure", "skip", "flag", "leave-out"].filter((act) => today.acts[act]);
  return make(
    "dl",
    { class: "today" },
    fact(strings.today_texts, String(today.texts)),
    fact(strings.today_minutes, String(today.minutes)),
    ...labelOrder.filter((label) => today.labels[label]).map((label) => fact(chip(label), String(today.labels[label]))),
    ...acts.map((act) => fact(fill(strings.past[act], {}), String(today.acts[act]))),
  );
}
