// The outbox: decisions that the server has not acknowledged yet. Each is stored under its own localStorage key, so
// that two tabs never overwrite each other's, and survives a reload, a crash and a dead server.

class Outbox {
  constructor(project, annotator) {
    this.prefix = `inffeed/outbox/${JSON.stringify([project, annotator])}/`;
    this.kept = new Map(); // what this page holds, in case the browser refuses storage
    this.durable = true;
  }

  put(decision) {
    this.kept.set(decision.token, decision);
    try {
      localStorage.setItem(this.prefix + decision.token, JSON.stringify(decision));
    } catch {
      this.durable = false; // private mode or a full quota: the save state says so
    }
  }

  drop(tokens) {
    for (const token of tokens) {
      this.kept.delete(token);
      try {
        localStorage.removeItem(this.prefix + token);
      } catch {
        this.durable = false;
      }
    }
  }

  /** All waiting decisions of this annotator in this browser, in the order they were made. */
  all() {
    const found = new Map(this.kept);
    try {
      for (let i = 0; i < localStorage.length; i++) {
        const key = localStorage.key(i);
        if (!key.startsWith(this.prefix)) continue;
        const decision = JSON.parse(localStorage.getItem(key));
        found.set(decision.token, decision);
      }
    } catch {
      this.durable = false;
    }
    return [...found.values()].sort((a, b) => a.made - b.made);
  }

  get size() {
    return this.all().length;
  }
}

let latest = 0;

/** Milliseconds since the epoch, strictly increasing within a page even if the clock is coarse. */
function moment() {
  latest = Math.max(latest + 0.001, Date.now());
  return latest;
}

/** A random version 4 UUID; `crypto.randomUUID` exists on secure origins only. */
function freshToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
