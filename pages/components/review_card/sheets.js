// What opens over the card or beside it: the keys, which can be changed there, today, and the guidelines.

function dialog(name, title, strings, ...content) {
  const close = make("button", { type: "button", class: "act quiet", on: { click: () => box.close() } }, strings.close);
  const box = make("dialog", { class: name, "aria-label": title }, make("header", {}, make("h2", {}, title), close), ...content);
  box.addEventListener("click", (event) => event.target === box && box.close());
  return box;
}

/** The key sheet. `changed` is called when a key has been given to another command. */
function keySheet(bindings, strings, changed) {
  const said = make("p", { class: "hint", role: "status" }, strings.keys_hint);
  const list = make("dl", {});
  const tell = (words) => said.replaceChildren(words);
  const take = (command, key) => {
    const why = bindings.change(command, key);
    if (why === null) tell(fill(strings.key_changed, { what: strings.key_names[command], key: bindings.name(command) }));
    else if (why === "forbidden") tell(fill(strings.key_forbidden, { key: key.toLocaleUpperCase() }));
    else tell(fill(strings.key_taken, { key: bindings.name(why), what: strings.key_names[why] }));
    draw(command);
    changed();
  };
  const draw = (focused = null) => {
    list.replaceChildren(...keyRows(bindings, strings, tell, take));
    list.querySelector(`[data-command="${focused}"]`)?.focus();
  };
  const reset = make("button", { type: "button", class: "act" }, strings.keys_reset);
  reset.addEventListener("click", () => {
    bindings.reset();
    tell(strings.keys_were_reset);
    draw();
    changed();
  });
  draw();
  return dialog("keySheet", strings.keys, strings, list, make("footer", {}, said, reset));
}

function keyRows(bindings, strings, tell, take) {
  const row = (keys, meaning) => make("div", {}, make("dt", {}, ...keys), make("dd", {}, meaning));
  const fixed = (...keys) => keys.map((key) => make("kbd", {}, key));
  const own = ([command, meaning]) => row([keyButton(command, bindings, strings, tell, take)], meaning);
  return [
    row(fixed("1", "…", "9"), strings.key_label),
    ...Object.entries(strings.key_names).map(own),
    row(fixed("⇧", "1", "…", "9"), strings.key_relabel),
    bindings.commands["/"] === "labels" ? row(fixed("/"), strings.key_names.labels) : null,
    row(fixed("␣"), strings.key_names.further),
    row(fixed("⇧", "␣"), strings.key_names.nearer),
    row(fixed("Esc"), strings.key_leave),
  ].filter(Boolean);
}

/** A key that, once pressed, waits for the key that replaces it. */
function keyButton(command, bindings, strings, tell, take) {
  const meaning = strings.key_names[command];
  const name = fill(strings.key_change, { what: meaning, key: bindings.name(command) });
  const written = () => bindings.name(command) || "–";
  const button = make("button", { type: "button", class: "key", "data-command": command, "aria-label": name, title: name }, written());
  let waiting = false;
  const rest = () => {
    waiting = false;
    button.replaceChildren(written());
  };
  button.addEventListener("click", () => {
    waiting = true;
    button.replaceChildren("…");
    tell(fill(strings.key_press, { what: meaning }));
  });
  button.addEventListener("blur", rest);
  button.addEventListener("keydown", (event) => {
    if (!waiting || isComposing(event) || ["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    rest();
    if (event.key !== "Escape") take(command, keyOf(event));
  });
  return button;
}

/** The guidelines and what each label means, beside the text until closed. */
function guidePanel({ guidelines, meanings }, strings, close) {
  const button = make("button", { type: "button", class: "act quiet", on: { click: close } }, strings.close);
  return make(
    "aside",
    { class: "guide", "aria-label": strings.guidelines, hidden: true },
    make("header", {}, make("h2", {}, strings.guidelines), button),
    make(
      "div",
      { class: "prose", dir: "auto", tabindex: "0", role: "region", "aria-label": strings.guidelines },
      guidelines || (meanings.length ? "" : strings.no_guidelines),
      ...meanings.flatMap(([label, meaning]) => [make("h3", {}, chip(label)), make("p", {}, meaning)]),
    ),
  );
}
