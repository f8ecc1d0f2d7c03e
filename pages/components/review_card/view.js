// The card on the page: built once, then filled from the room whenever something has changed.

class View {
  /** `card` = {room, bindings, pauses, warning, act}. */
  constructor(card, root, config) {
    Object.assign(this, { card, room: card.room, config, strings: config.strings, labels: config.labels });
    labelWords.none = this.strings.no_label;
    labelOrder.splice(0, Infinity, ...config.classes);
    labelNumbers.splice(0, Infinity, ...config.numbered);
    labelTints.set(config.tints);
    this.commands = (name, ...rest) => card.act(name, ...rest);
    this.parts = {};
    this.keyNames = new Map(); // command → where its key is written
    this.guideOpen = new Memory(() => localStorage, "inffeed/guide");
    this.ways = new Memory(() => localStorage, `inffeed/ways/${config.annotator}`);
    this.chosen = { details: false, marks: true, ...this.ways.get() };
    this.body = make("div", { class: "room", lang: config.language, tabindex: "-1", role: "group", "aria-label": this.strings.card });
    this.actions = new Actions(this);
    this.labelList = new LabelList(this.labels, this.strings);
    this.style = make("style", {}, STYLE);
    this.body.append(make("h1", { class: "unseen" }, this.strings.title), this.frame(), ...this.sheets());
    this.body.toggleAttribute("data-blur", config.blur);
    this.paint(config.colours);
    revealWhileHeld(this.body);
    this.parts.middle.addEventListener("scroll", () => (this.scrolled = true));
    root.append(this.style, this.body);
    this.nameKeys();
    this.showChosen();
    this.showGuide();
    this.showNudge();
  }

  remove() {
    this.style.remove();
    this.body.remove();
  }

  frame() {
    return make(
      "div",
      { class: "frame" },
      this.header(),
      this.part("notice", make("div", { class: "notice", role: "alert", hidden: true })),
      this.part("nudge", make("div", { class: "notice nudge", role: "status", hidden: true })),
      this.part("guide", guidePanel(this.config, this.strings, () => this.toggleGuide())),
      this.part(
        "middle",
        make("div", { class: "middle" }, this.part("subject", make("div", { class: "subject" })), this.part("evidence", make("div", { class: "evidence" }))),
      ),
      this.noteField(),
      this.actions.node,
    );
  }

  sheets() {
    const { strings } = this;
    const hint = make("p", { class: "hint" }, strings.today_hint);
    return [
      this.part("live", make("div", { class: "unseen", "aria-live": "polite" })),
      this.part("keySheet", keySheet(this.card.bindings, strings, () => this.nameKeys())),
      this.part("todaySheet", dialog("todaySheet", strings.today, strings, this.part("today", make("div")), hint)),
      this.labelList.box,
    ];
  }

  /** The colours of charts, which card.css adapts for text. */
  paint({ labels, for: helps, against }) {
    const colours = { "--helps": helps, "--harms": against };
    labels.forEach((colour, n) => (colours[`--label-${n}`] = colour));
    for (const [name, colour] of Object.entries(colours)) this.body.style.setProperty(name, colour);
  }

  part(name, node) {
    this.parts[name] = node;
    return node;
  }

  button(command, { key = "", text = null, name = null, extra = "", digit = 0 }) {
    const label = text === null ? null : make("span", {}, text);
    const attributes = { type: "button", class: `act ${extra}`, "aria-label": name, title: name };
    const written = make("kbd", { "aria-hidden": "true" }, key);
    if (!digit) this.keyNames.set(command, written);
    const node = make("button", attributes, written, label);
    node.addEventListener("click", (event) => {
      if (event.detail > 0) this.body.focus({ preventScroll: true }); // by mouse: give the keys back at once
      this.commands(command, digit);
    });
    node.text = label;
    return node;
  }

  header() {
    const { strings } = this;
    return make(
      "header",
      { class: "status" },
      make("div", { class: "progress" }, this.todayButton(), this.part("meter", make("div", { class: "meter" }))),
      this.part("last", make("p", { class: "last" })),
      make(
        "span",
        { class: "group" },
        this.button("undo", { text: strings.undo, extra: "quiet" }),
        this.button("back", { name: strings.back, extra: "quiet bare" }),
        this.button("forth", { name: strings.forth, extra: "quiet bare" }),
      ),
      this.part("paused", make("p", { class: "paused", hidden: true }, strings.keys_paused)),
      this.part("saved", make("p", { class: "saved", "data-state": "saved" })),
      this.part("savedAloud", make("p", { class: "unseen", "aria-live": "polite" })),
      make(
        "span",
        { class: "group" },
        this.part("details", this.button("details", { text: strings.details, extra: "quiet" })),
        this.part("marks", this.button("marks", { text: strings.marks, extra: "quiet" })),
        this.button("explore", { text: strings.explore, extra: "quiet" }),
        this.button("guidelines", { text: strings.guidelines, extra: "quiet" }),
        this.button("keys", { text: strings.keys, extra: "quiet" }),
      ),
    );
  }

  noteField() {
    const field = make("textarea", { rows: "2", placeholder: this.strings.note_placeholder, "aria-label": this.strings.note });
    field.addEventListener("input", () => this.room.notes.set(this.room.shownId, field.value));
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || !(event.key === "Escape" || (event.key === "Enter" && !event.shiftKey))) return;
      event.preventDefault();
      event.stopPropagation();
      this.body.focus({ preventScroll: true });
    });
    field.addEventListener("blur", () => this.showNote());
    this.note = field;
    return this.part("note", make("div", { class: "note", hidden: true }, field, make("span", { class: "hint" }, this.strings.note_hint)));
  }

  todayButton() {
    const open = () => this.commands("today");
    return this.part("count", make("button", { type: "button", class: "count", "aria-haspopup": "dialog", title: this.strings.today, on: { click: open } }));
  }

  /** Show each command's key. */
  nameKeys() {
    for (const [command, node] of this.keyNames) node.replaceChildren(this.card.bindings.name(command));
  }

  get dialogOpen() {
    return this.parts.keySheet.open || this.parts.todaySheet.open || this.labelList.open;
  }

  toggle(name) {
    const box = this.parts[name];
    if (box.open) box.close();
    else if (!this.dialogOpen) box.showModal();
  }

  openToday() {
    this.parts.today.replaceChildren(todayFacts(this.room.exposure, this.strings));
    this.toggle("todaySheet");
  }

  /** Turn a way of showing texts on or off, for this person in this browser. */
  choose(way) {
    this.chosen[way] = !this.chosen[way];
    this.ways.set(this.chosen);
    this.showChosen();
    this.drawn = null;
    this.render();
  }

  showChosen() {
    for (const [way, on] of Object.entries(this.chosen)) {
      this.parts[way]?.setAttribute("aria-pressed", String(on));
      this.body.toggleAttribute(`data-${way}`, on);
    }
  }

  /** Mark what the text shares with its influencers, once it is painted. */
  markSoon() {
    const state = this.drawn;
    if (!this.chosen.marks || !state) return;
    requestAnimationFrame(() => setTimeout(() => this.drawn === state && this.mark()));
  }

  mark() {
    const find = (part, ...selectors) => [...part.querySelectorAll(selectors.join())].filter((node) => !node.childElementCount);
    const own = find(this.parts.subject, ".flagged > .text", ".flagged > .second .text");
    const theirs = [...find(this.parts.subject, ".counter .text"), ...find(this.parts.evidence, ".row-text", ".row-text bdi")];
    markShared(own, theirs, this.card.room.smallWords);
  }

  toggleGuide() {
    this.guideOpen.set(!this.guideOpen.get());
    this.showGuide();
  }

  showGuide() {
    const open = this.guideOpen.get() === true;
    this.parts.guide.hidden = !open;
    this.body.toggleAttribute("data-guide", open);
  }

  reveal(shown) {
    this.body.toggleAttribute("data-revealed", shown);
  }

  showNudge() {
    const { card, strings, parts } = this;
    parts.nudge.hidden = !card.pauses.due;
    if (parts.nudge.hidden) return;
    const dismiss = () => {
      card.pauses.restart();
      this.showNudge();
      this.body.focus({ preventScroll: true });
    };
    const words = fill(strings.nudge, { minutes: card.pauses.minutes, count: card.pauses.state.decisions });
    const button = make("button", { type: "button", class: "act quiet", on: { click: dismiss } }, strings.dismiss);
    parts.nudge.replaceChildren(make("p", {}, words), button);
  }

  /** The warning replaces texts and evidence until it has been read. */
  warn() {
    this.parts.subject.replaceChildren(warningPanel(this.config.warning, this.strings, () => this.card.passWarning()));
    this.parts.evidence.replaceChildren();
    this.drawn = null;
  }

  /** Show what the room holds now. */
  render() {
    const warned = this.card.warning.pending;
    const item = warned ? null : this.room.shown;
    this.showProgress();
    this.showNotices();
    if (warned) this.warn();
    else this.draw(item);
    this.body.dataset.item = warned ? "" : (this.room.shownId ?? "");
    this.body.toggleAttribute("data-lost", !warned && this.room.isLost);
    this.actions.fill(item);
    this.showNote();
  }

  /** Text and evidence; left alone while they do not change, so that scrolling and selections stay. */
  draw(item) {
    const { room, parts } = this;
    const rows = item ? [...item.supporters, ...item.opposers, ...item.harmed] : [];
    const labels = [item, ...rows].map((row) => row && room.labelOf(row));
    const state = JSON.stringify([room.shownId, room.past?.token, room.stepsBack, room.exhausted, item?.rank, labels, room.answers.get(room.past?.id), item ?? room.withOthers, room.together]);
    if (state === this.drawn) return;
    const scrolled = this.body.dataset.item === room.shownId ? (parts.subject.querySelector(".text")?.scrollTop ?? 0) : 0;
    parts.subject.replaceChildren(...(item ? [subjectPanel(item, this), counterPanel(item, this)] : [this.emptyState()]));
    parts.evidence.replaceChildren(...(item ? this.sides(item) : []));
    if (scrolled) parts.subject.querySelector(".text").scrollTop = scrolled;
    else if (this.body.dataset.item !== room.shownId) this.scrollToTop();
    this.drawn = state;
    if (item) this.markSoon();
  }

  /** Start a text at its top; only if it was scrolled, because that lays the page out again. */
  scrollToTop() {
    if (this.scrolled) this.parts.middle.scrollTop = 0;
    this.scrolled = false;
  }

  /** Scroll the text a page forward (1) or back (-1), or what is below it if all of the text has been seen. */
  scroll(step) {
    for (const part of [...this.parts.subject.querySelectorAll(".flagged .text"), this.parts.middle]) {
      const before = part?.scrollTop;
      part?.scrollBy({ top: step * Math.max(60, part.clientHeight - 50), behavior: "instant" });
      if (part && part.scrollTop !== before) return;
    }
  }

  context(item) {
    return {
      labels: this.labels,
      labelOf: (row) => this.room.labelOf(row),
      strings: item.harm_known ? this.strings : { ...this.strings, no_harmed: this.strings.harm_unknown },
      scale: scaleOf([...item.supporters, ...item.opposers, ...item.harmed].map((row) => row.influence)),
      flagLabel: item.label,
      relabel: (row, label) => this.commands("relabelRow", row, label),
      allLabels: () => this.commands("labels"),
    };
  }

  sides(item) {
    if (item.blind) return [];
    const context = this.context(item);
    return ["supporters", "opposers", "harmed"].map((kind) => influencerList(kind, item[kind], context));
  }

  emptyState() {
    const { room, strings } = this;
    if (!room.exhausted || room.shownId !== null) {
      const gone = room.shownId !== null && room.missing.has(room.shownId);
      return make("p", { class: "waiting" }, gone ? strings.gone : strings.loading);
    }
    const [headline, advice] = this.whyEmpty();
    return make("div", { class: "finished" }, make("h2", {}, headline), make("p", {}, advice));
  }

  whyEmpty() {
    const { room, strings, config } = this;
    const [count, end] = [room.withOthers, config.whole ? null : room.outlook?.end];
    if (config.reopened && !count) return [strings.reopened_done, strings.reopened_done_advice];
    if (count) return [strings.with_others, fill(strings.with_others_advice, { count })];
    if (!end?.beyond || config.again) return [strings.finished, strings.finished_advice];
    return [strings.ended, fill(end.audited ? strings.ended_audit : strings.ended_set, { share: percent(end.share) })];
  }

  showProgress() {
    const { room, parts, strings } = this;
    const counted = room.progress;
    const total = counted.done + counted.open;
    const done = Math.min(total, Math.max(0, counted.done + room.uncounted));
    const today = Math.max(0, counted.today + room.uncounted);
    const [locale, { goal }] = [this.config.language, counted];
    const said = [fill(goal ? strings.progress_goal : strings.progress, { done: done.toLocaleString(locale), total: total.toLocaleString(locale), today, goal })];
    if (counted.assigned) said.push(fill(strings.progress_assigned, { count: counted.assigned.toLocaleString(locale) }));
    parts.count.replaceChildren(said.join(" · "));
    parts.meter.style.setProperty("--done", total ? done / total : 0);
  }

  showNotices() {
    const { room, parts, strings } = this;
    const unsaved = room.problem && fill(strings.unsaved, { why: room.problem });
    const unread = room.unread && fill(strings.unread, { why: room.unread });
    const lost = room.isLost && strings.lost;
    const passedOn = room.passedOn > 0 && fill(strings.passed_on, { count: room.passedOn });
    const told = [lost, unsaved, unread, passedOn, ...room.refused.map((why) => fill(strings.refused, { why }))].filter(Boolean);
    parts.notice.hidden = told.length === 0;
    const dismiss = make("button", { type: "button", class: "act quiet" }, strings.dismiss);
    dismiss.addEventListener("click", () => {
      if (room.isLost) room.passOn();
      Object.assign(room, { refused: [], problem: "", unread: "", passedOn: 0 });
      this.render();
    });
    parts.notice.replaceChildren(make("p", {}, told.join(" ")), dismiss);
  }

  showNote({ open = false } = {}) {
    const note = this.room.notes.get(this.room.shownId) ?? this.room.past?.note ?? "";
    if (this.note.value !== note) this.note.value = note;
    const writing = this.note.getRootNode().activeElement === this.note;
    this.parts.note.hidden = !(open || writing || note);
    if (open) this.note.focus();
  }

  /** What was done last, shown and spoken. */
  tell(words) {
    this.parts.last.textContent = words;
    this.parts.live.textContent = words;
  }

  /** `state` is saved, saving or offline; each is spoken once, not at every count. */
  showSaved(state, count) {
    const { saved, savedAloud } = this.parts;
    const words = fill(this.strings[`save_${state}`], { count });
    if (saved.dataset.state !== state || !savedAloud.textContent) savedAloud.textContent = words;
    saved.dataset.state = state;
    if (saved.textContent !== words) saved.textContent = words;
  }

  get rows() {
    return [...this.body.querySelectorAll("li.row")];
  }

  /** The focused influencer, as its row's data, or null. */
  get focusedRow() {
    const id = this.body.getRootNode().activeElement?.closest?.("li.row")?.dataset.id;
    const { shown } = this.room;
    if (!id || !shown) return null;
    return [...shown.supporters, ...shown.opposers, ...shown.harmed].find((row) => row.id === id) ?? null;
  }

  moveFocus(step) {
    const { rows } = this;
    const place = rows.indexOf(this.body.getRootNode().activeElement?.closest("li.row"));
    const next = place < 0 ? (step > 0 ? 0 : rows.length - 1) : place + step;
    if (rows[next]) rows[next].focus();
    else this.body.focus({ preventScroll: true });
  }

  refocusRow(place) {
    this.rows[place]?.focus();
  }
}
