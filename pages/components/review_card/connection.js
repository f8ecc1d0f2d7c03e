// Watches the connection to the server. Streamlit usually reconnects by itself, but its timers sleep in a background
// tab, and a page that received a final error, or missed its answer, never recovers. So during silence the server's
// health is checked, and if the server has been healthy for a while without answering, the page is reloaded. The outbox
// and the place are kept, so nothing is lost.

const PROBE_EVERY = 2000; // ms
const WELL_FOR = 6000; // ms of a healthy server without a connection
const SILENT_FOR = 20_000; // ms without an answer from a healthy, connected and idle server
const RELOAD_EVERY = 20_000;

class Connection {
  /** `load` reloads the page. */
  constructor(load) {
    Object.assign(this, { load, well: null, asked: 0 });
    this.memory = new Memory(() => sessionStorage, "inffeed/reloaded");
  }

  /** Call repeatedly. `silentSince` is when the first unanswered message was sent, or null. */
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

  /** Whether Streamlit has a connection, although it may not have noticed yet that it broke. */
  get open() {
    return (this.app.testConnectionState ?? "CONNECTED") === "CONNECTED";
  }

  /** Whether the page's script is running. */
  get busy() {
    return this.app.testScriptState === "running";
  }

  /** Whether the server is healthy and connected to this page. */
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
