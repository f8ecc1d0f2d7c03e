// Which key does what. The annotator may change it; the choice is kept in this browser under their name. Digits always
// label, Escape always leaves, and C and R are never used: they belong to Streamlit. / and Space work as in
// most programs, unless the annotator assigned them otherwise.

const FORBIDDEN = ["c", "r"];
const NAMED_KEYS = { enter: "↵", arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", backspace: "⌫", delete: "⌦", pageup: "PgUp", pagedown: "PgDn" };
const FIXED = { escape: "leave" };
const USUAL = { "/": "labels", " ": "further" };

/** Whether a command may be given to this key (`event.key`, lower case). */
function isFree(key) {
  return !FORBIDDEN.includes(key) && (key in NAMED_KEYS || /^[^\s\d]$/u.test(key));
}

class Bindings {
  /** `defaults` maps keys to commands. */
  constructor(defaults, annotator) {
    this.place = `inffeed/keys/${annotator}`;
    this.defaults = new Map(Object.entries(defaults).map(([key, command]) => [command, key]));
    this.keys = new Map(this.defaults);
    this.restore();
  }

  restore() {
    try {
      const kept = Object.entries(JSON.parse(localStorage.getItem(this.place) ?? "{}"));
      const chosen = kept.filter(([command, key]) => this.defaults.has(command) && isFree(key));
      for (const [command, key] of chosen) this.keys.set(command, key);
      this.yieldTo(new Map(chosen));
    } catch {
      // no storage, or something else in it: the defaults stay
    }
    const given = [...this.keys.values()].filter(Boolean);
    if (new Set(given).size < given.length) this.keys = new Map(this.defaults);
  }

  /** A command that is newer than the annotator's choice has no key if they gave its key to another. */
  yieldTo(chosen) {
    const taken = new Set(chosen.values());
    for (const [command, key] of this.keys) if (!chosen.has(command) && taken.has(key)) this.keys.set(command, "");
  }

  /** Key to command. */
  get commands() {
    const own = [...this.keys].filter(([, key]) => key).map(([command, key]) => [key, command]);
    return { ...USUAL, ...Object.fromEntries(own), ...FIXED };
  }

  /** The key of a command as it is written. */
  name(command) {
    const key = this.keys.get(command) ?? "";
    return NAMED_KEYS[key] ?? key.toLocaleUpperCase();
  }

  /** Give a command another key. Returns null, or why not: "forbidden", or the command that has the key already. */
  change(command, key) {
    if (!isFree(key)) return "forbidden";
    const holder = [...this.keys].find(([other, taken]) => taken === key && other !== command)?.[0];
    if (holder) return holder;
    this.keys.set(command, key);
    this.keep();
    return null;
  }

  reset() {
    this.keys = new Map(this.defaults);
    this.keep();
  }

  keep() {
    try {
      localStorage.setItem(this.place, JSON.stringify(Object.fromEntries(this.keys)));
    } catch {
      // private mode: the choice lasts only as long as the page
    }
  }
}
