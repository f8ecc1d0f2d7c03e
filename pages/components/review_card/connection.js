// Watches over the way to the server. Streamlit reconnects by itself, mostly: its timers sleep in a tab in the background,
// and a page that was told a final error, or that missed its answer, stays as it is for good. So while nothing is heard
// the server's health is asked for, and where it has been well for a while without our hearing of it, the page is
// loaded anew: the outbox and the place are kept, so nothing is lost by it.

const PROBE_EVERY = 2000; // ms
const WELL_FOR = 6000; // ms of good health without a connection
const SILENT_FOR = 20_000; // ms without an answer from a server that is well, connected, and not at work
const RELOAD_EVERY = 20_000;

class Connection {
  /** `load` loads the page anew. */
  constructor(load) {
    Object.assign(this, { load, well: null, asked: 0 });
    this.memory = new Memory(() => sessionStorage, "inffeed/reloaded");
  }

  /** To be called again and again. `silentSince` is when the first unanswered message was sent, or null. */
  async watch(silentSince, mayLoad) {
    if (silentSince === null) this.well = null;
    if (silentSince === null || Date.now() - Math.max(silentSince, this.asked) < PROBE_EVERY) return;
    this.asked = Date.now();
    if (await this.healthy()) this.well ??= Date.now();
    else this.well = null;
    if (this.lost(silentSince) && mayLoad()) this.reload();
  }

  async healthy() {
    if (!navigator.onLine) return false;
    try {
      const address = new URL("_stcore/health", document.baseURI);
      return (await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(3000) })).ok;
    } catch {
      return false;
    }
  }

  get app() {
    return document.querySelector('[data-testid="stApp"]')?.dataset ?? {};
  }

  /** Whether Streamlit holds a connection, though it may not know yet that it broke. */
  get open() {
    return (this.app.testConnectionState ?? "CONNECTED") === "CONNECTED";
  }

  /** Whether the page's script runs. */
  get busy() {
    return this.app.testScriptState === "running";
  }

  /** Whether the server is well and connected to this page. */
  get stands() {
    return this.well !== null && this.open;
  }

  lost(silentSince) {
    if (this.well === null) return false;
    if (!this.stands) return Date.now() - this.well > WELL_FOR;
    return !this.busy && Date.now() - Math.max(silentSince, this.well) > SILENT_FOR;
  }

  reload() {
    if (Date.now() - (this.memory.get() ?? 0) < RELOAD_EVERY) return;
    this.memory.set(Date.now());
    this.load();
  }
}
