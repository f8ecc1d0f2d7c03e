// The evidence: rows of influencers with label, split, signed bar and number. Any of them can be focused and relabelled.

/** One influencer. `context` = {labels, labelOf, strings, scale, flagLabel, relabel}. */
function influencerRow(row, context) {
  const { strings, scale } = context;
  const label = context.labelOf(row);
  const number = signed(row.influence, scale);
  const name = fill(strings.row_name, { label, split: strings.splits[row.split], influence: number, text: row.pair === null ? row.text : `${row.text} · ${row.pair}` });
  const node = make(
    "li",
    { class: "row", tabindex: "-1", "data-id": row.id, "aria-label": name },
    make(
      "span",
      { class: "row-influence" },
      make("span", { class: "number exact", title: strings.exact }, number),
      make("span", { class: "part", title: strings.part }, percent(Math.abs(row.influence) / context.total)),
      bar(row.influence, scale, context.total),
    ),
    ...rowTexts(row, strings),
    make(
      "span",
      { class: "row-label" },
      chip(label, { odd: label !== context.flagLabel }),
      make("span", { class: "split" }, strings.splits[row.split]),
    ),
  );
  const strip = () => node.append(relabelStrip(row, label, context));
  node.addEventListener("focus", strip, { once: true }); // built on demand: it is half of a row's elements
  return node;
}

/** A text in a list, with its second text below it; long ones are cut where they are shown. */
function rowTexts({ text, pair }, strings) {
  const shown = make("p", { class: "row-text", dir: "auto" }, text);
  if (pair === null) return [shown];
  const name = make("span", { class: "second-name" }, strings.second_text);
  return [make("div", { class: "row-pair" }, shown, make("p", { class: "row-text", dir: "auto" }, name, " ", make("bdi", {}, pair)))];
}

/** As long as its number says: on the card's scale, or as its part of the list's whole effect. */
function bar(influence, scale, total) {
  const share = Math.min(1, Math.abs(influence) / scale.largest);
  const node = make("span", { class: influence < 0 ? "bar against" : "bar for", "aria-hidden": "true" });
  node.style.setProperty("--share", share.toFixed(4));
  node.style.setProperty("--part", (Math.abs(influence) / total).toFixed(4));
  return node;
}

/** Buttons shown while the row is focused, like Shift and a digit. The rest of the labels are in the list. */
function relabelStrip(row, current, { labels, strings, relabel, allLabels }) {
  const button = (attributes, key, words) =>
    make("button", { type: "button", tabindex: "-1", ...attributes }, make("kbd", {}, key), make("bdi", {}, words));
  const buttons = labels.slice(0, DIGITS).map((label) => {
    const name = fill(strings.relabel_row, { label });
    const on = { click: () => relabel(row, label) };
    return button({ disabled: label === current, "aria-label": name, title: name, on }, `⇧${numberOf(label)}`, brief(label));
  });
  const rest = labels.length > DIGITS ? button({ on: { click: allLabels } }, "/", fill(strings.all_labels, { count: labels.length })) : null;
  return make("span", { class: "strip" }, make("span", { class: "strip-name" }, strings.relabel_to), ...buttons, rest);
}

/** "10⁻³ nats": the unit of a card's numbers. */
function unitOf(scale, strings) {
  return scale.power ? fill(strings.unit_scaled, { power: scale.power }) : strings.unit;
}

/** A titled list of influencers; says so if there are none. */
function influencerList(kind, rows, context) {
  const { strings } = context;
  const total = rows.reduce((sum, row) => sum + Math.abs(row.influence), 0) || 1;
  const list = make("ol", { class: "rows", role: "list" }, ...rows.map((row) => influencerRow(row, { ...context, total })));
  list.firstElementChild?.setAttribute("tabindex", "0"); // so that Tab reaches a list that scrolls
  return make(
    "section",
    { class: `side ${kind}`, "aria-label": strings[kind] },
    make(
      "header",
      {},
      make("h2", {}, strings[kind]),
      make("span", { class: "hint" }, strings[`${kind}_hint`]),
      rows.length ? make("span", { class: "unit" }, unitOf(context.scale, strings)) : null,
    ),
    rows.length ? list : make("p", { class: "nothing" }, strings[`no_${kind}`]),
  );
}
