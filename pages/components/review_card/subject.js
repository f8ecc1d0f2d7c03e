// The flagged text with its facts, and beside it the gold text that contradicts it most.

/** Characters from which a text may not be seen whole. */
const LONG = 420;

function subjectPanel(item, view) {
  const { strings } = view;
  const size = item.text.length < 140 ? "short" : item.text.length < LONG ? "middling" : "long";
  if (item.blind) return blindPanel(item, size, view);
  return make(
    "article",
    { class: "flagged", "aria-label": strings.flagged },
    make(
      "p",
      { class: "standing" },
      make("span", { class: "rank" }, item.rank ? fill(strings.rank, { rank: item.rank, of: item.of.toLocaleString(view.config.language) }) : strings.unranked),
      item.rank ? make("span", { class: "score", title: item.score_help }, fill(strings.score, { policy: item.policy, score: item.score })) : null,
      view.config.blur ? make("span", { class: "hint" }, fill(strings.blurred, { key: view.card.bindings.name("reveal") })) : null,
      pastRibbon(view),
    ),
    ...textWithHint(item, size, view),
    make("p", { class: "reason" }, view.chosen.details ? item.reason : item.plain),
    twinsPanel(item, view),
    labelFacts(item, view),
    whoSaidWhat(item, view),
  );
}

/** The text, its second text and context; and between them the key that scrolls the texts if not all of them is visible. */
function textWithHint(item, size, { strings }) {
  const text = make("div", { class: `text ${size}`, tabindex: "0", dir: "auto", role: "region", "aria-label": strings.flagged_text }, item.text);
  const second = secondText(item, strings);
  const context = contextOf(item, strings);
  if (size !== "long" && (item.pair ?? "").length < LONG) return [text, second, context];
  const hint = make("p", { class: "more", hidden: true }, make("kbd", {}, "␣"), strings.more_text);
  const texts = [text, ...(second?.querySelectorAll(".text") ?? [])];
  const measure = () => (hint.hidden = texts.every((one) => one.scrollHeight <= one.clientHeight + 1));
  requestAnimationFrame(() => setTimeout(measure)); // once it is painted: before, it would lay the page out a second time
  return [text, second, hint, context];
}

/** A second text under its name; null where there is none. */
function secondText({ pair }, strings) {
  if (pair === null) return null;
  const text = make("div", { class: "text", tabindex: "0", dir: "auto", role: "region", "aria-label": strings.second_text }, pair);
  return make("div", { class: "second" }, make("p", { class: "second-name", "aria-hidden": "true" }, strings.second_text), text);
}

/** Metadata that the project shows under every text: nothing but names and values, links included. */
function contextOf({ context }, strings) {
  if (!context.length) return null;
  const facts = context.map(([name, value]) => make("div", {}, make("dt", { dir: "auto" }, name), make("dd", { dir: "auto" }, value)));
  return make("dl", { class: "context", "aria-label": strings.context }, ...facts);
}

/** Texts with nearly the same words: how many, and on request which, before a decision applies to them too. */
function twinsPanel(item, view) {
  const { room, strings } = view;
  const twins = room.openTwins(item);
  if (!twins.length || room.past !== null) return null;
  const key = view.card.bindings.name("twins");
  const button = make(
    "button",
    { type: "button", class: "act quiet", "aria-expanded": String(room.together), on: { click: () => view.commands("twins") } },
    make("kbd", { "aria-hidden": "true" }, key),
    make("span", {}, fill(room.together ? strings.twins_on : strings.twins_off, { count: twins.length })),
  );
  const row = (twin) => make("li", {}, chip(room.labelOf(twin)), ...rowTexts(twin, strings));
  return make("div", { class: "twins" }, button, room.together ? make("ul", { "aria-label": strings.twins }, ...twins.map(row)) : null);
}

/** A text drawn for the audit: nothing beside it that could sway a decision. */
function blindPanel(item, size, view) {
  const { strings } = view;
  return make(
    "article",
    { class: "flagged", "aria-label": strings.audited },
    make("p", { class: "standing" }, make("span", { class: "rank" }, strings.audited), pastRibbon(view)),
    ...textWithHint(item, size, view),
    make("p", { class: "reason" }, strings.audit_reason),
  );
}

/** Silver label, with whose it is where sources disagree or vote; or gold label. */
function nameOfLabel({ split, source, said }, strings) {
  if (split !== "silver") return strings.gold_label;
  if (!said.length || !source) return strings.silver_label;
  return source === "vote" ? strings.silver_vote : fill(strings.silver_of, { source });
}

function labelFacts(item, { strings, room }) {
  const current = room.labelOf(item);
  const fact = (name, label, chance, extra = "") =>
    make(
      "div",
      { class: `fact ${extra}` },
      make("dt", {}, name),
      make("dd", {}, chip(label, { odd: label !== current }), chance === null ? null : make("span", { class: "number" }, percent(chance))),
    );
  return make(
    "dl",
    { class: "facts" },
    fact(nameOfLabel(item, strings), item.original, null),
    current === item.original ? null : fact(strings.label_now, current, null),
    fact(strings.model_says, item.predicted, item.probability),
    fact(strings.suggestion, item.suggested, item.suggested_probability, "suggestion"),
  );
}

/** What each source says of the text, and how sure it is; null where the facts above tell all. */
function whoSaidWhat({ said, original }, { strings }) {
  if (!said.length) return null;
  const row = ({ source, label, confidence, answer }) =>
    make(
      "div",
      {},
      make("dt", { dir: "auto", title: source }, source),
      make(
        "dd",
        {},
        label === null ? make("span", { class: "nothing", title: answer || null }, strings.source_refused) : chip(label, { odd: label !== original }),
        confidence === null ? null : make("span", { class: "number" }, percent(confidence)),
      ),
    );
  return make("dl", { class: "sources", "aria-label": strings.sources, tabindex: "0" }, ...said.map(row));
}

/** What was decided, while looking back, and what others said. */
function pastRibbon({ room, strings }) {
  if (room.past === null) return null;
  const told = ({ act, label }) => fill(strings.past[act], { label: label ?? "" });
  const others = (room.answers.get(room.past.id) ?? []).map((d) => fill(strings.other_answer, { annotator: d.annotator, what: told(d) }));
  const parts = [...others, fill(strings.steps_back, { count: room.stepsBack })];
  return make("span", { class: "past" }, make("b", {}, told(room.past)), ...parts.map((part) => ` · ${part}`));
}

/** The server's choice, or the next that contradicts the text if it has been given the text's label since. */
function contradiction(item, room) {
  const contradicts = (row) => row.influence < 0 && room.labelOf(row) !== item.label;
  if (item.most_incompatible === null || contradicts(item.most_incompatible)) return item.most_incompatible;
  const gold = [...item.opposers.filter((row) => row.split !== "silver"), ...item.harmed].filter(contradicts);
  return gold.sort((a, b) => a.influence - b.influence)[0] ?? null;
}

function counterPanel(item, view) {
  const { strings } = view;
  const row = contradiction(item, view.room);
  if (item.blind) return make("aside", { class: "counter empty", "aria-label": strings.audited }, make("p", { class: "nothing" }, strings.audit_blind));
  const title = make("h2", {}, strings.incompatible);
  if (row === null) {
    return make("aside", { class: "counter empty", "aria-label": strings.incompatible }, title, make("p", { class: "nothing" }, strings.no_incompatible));
  }
  const scale = scaleOf([...item.supporters, ...item.opposers, ...item.harmed].map((r) => r.influence));
  return make(
    "aside",
    { class: "counter", "aria-label": strings.incompatible },
    title,
    make("div", { class: "text", tabindex: "0", dir: "auto", role: "region", "aria-label": strings.incompatible_text }, row.text),
    secondText(row, strings),
    make(
      "p",
      { class: "counter-facts" },
      chip(view.room.labelOf(row), { odd: view.room.labelOf(row) !== item.label }),
      make("span", { class: "split" }, strings.splits[row.split]),
      make("span", { class: "number exact" }, [signed(row.influence, scale), unitOf(scale, strings)].join(scale.power ? " × " : " ")),
    ),
  );
}
