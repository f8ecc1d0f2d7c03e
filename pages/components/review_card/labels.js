// The list of all labels: it filters as one types, ↑ and ↓ choose, Enter gives the label, Esc closes. What is typed here
// is never a command, and a key that is still held from opening the list writes nothing.

/** A name for comparison: without case, accents and surrounding space. */
function folded(name) {
  return name.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase().trim();
}

/** The labels that contain what was typed, or have it as number: equal ones first, then those that start with it. */
function matching(labels, typed) {
  const wanted = folded(typed);
  const grade = (label) => {
    const name = folded(label);
    if (name === wanted) return 0;
    if (name.startsWith(wanted)) return 1;
    if (String(numberOf(label)) === wanted) return 2;
    return name.includes(wanted) ? 3 : null;
  };
  const graded = labels.map((label, n) => ({ label, n, grade: grade(label) })).filter((one) => one.grade !== null);
  return graded.sort((a, b) => a.grade - b.grade || a.n - b.n);
}

class LabelList {
  constructor(labels, strings) {
    Object.assign(this, { labels, strings, active: 0, found: [] });
    this.options = make("ul", { class: "options", role: "listbox", id: "options", "aria-label": strings.labels });
    this.none = make("p", { class: "nothing", role: "status" });
    this.about = make("p", { class: "hint" });
    this.field = this.makeField();
    this.box = dialog("labelSheet", strings.labels, strings, this.field, this.about, this.options, this.none);
  }

  makeField() {
    const { strings } = this;
    const attributes = {
      type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "options", "aria-autocomplete": "list",
      autocomplete: "off", spellcheck: "false", placeholder: strings.labels_filter, "aria-label": strings.labels_filter,
    };
    const field = make("input", attributes);
    field.addEventListener("input", () => this.draw());
    field.addEventListener("keydown", (event) => this.press(event));
    return field;
  }

  get open() {
    return this.box.open;
  }

  /** Ask for a label: `about` says for what, `current` is the one it has, `choose(label)` is called once. */
  ask({ about, current, choose }) {
    Object.assign(this, { current, choose, released: false });
    this.field.value = "";
    this.about.replaceChildren(about);
    this.box.showModal();
    this.draw();
    this.field.focus();
  }

  draw() {
    this.found = matching(this.labels, this.field.value);
    this.none.replaceChildren(this.found.length ? "" : this.strings.labels_none);
    this.options.replaceChildren(...this.found.map((one, place) => this.option(one, place)));
    this.mark(0);
  }

  option({ label }, place) {
    const current = label === this.current;
    const words = current ? make("span", { class: "hint" }, this.strings.labels_current) : null;
    const number = make("kbd", { "aria-hidden": "true" }, String(numberOf(label)));
    const option = make("li", { role: "option", id: `option-${place}`, class: "option", "data-label": label }, number, chip(label), words);
    option.addEventListener("click", () => this.take(label));
    return option;
  }

  mark(place) {
    this.active = Math.max(0, Math.min(place, this.found.length - 1));
    [...this.options.children].forEach((option, n) => option.setAttribute("aria-selected", String(n === this.active)));
    const marked = this.options.children[this.active];
    if (marked) this.field.setAttribute("aria-activedescendant", marked.id);
    else this.field.removeAttribute("aria-activedescendant");
    marked?.scrollIntoView({ block: "nearest" });
  }

  press(event) {
    if (isComposing(event)) return;
    event.stopPropagation();
    this.released ||= !event.repeat;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (!this.released || event.key in steps || event.key === "Enter") event.preventDefault();
    if (event.key in steps) this.mark(this.active + steps[event.key]);
    if (event.key === "Enter" && !event.repeat && this.found.length) this.take(this.found[this.active].label);
  }

  take(label) {
    this.box.close();
    this.choose(label);
  }
}
