// Elements, made without any HTML: whatever a text holds is only shown.

/** An element. `on` holds listeners; a null or false attribute is left out; children are nodes or text. */
function make(tag, { on = {}, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false || value === undefined) continue;
    node.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) node.addEventListener(event, listener);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** "Kept {count} of {of}" with its placeholders filled. */
function fill(phrase, values) {
  const words = (whole, name, one, many) => (many === undefined ? values[name] ?? whole : Number(values[name]) === 1 ? one : many);
  return phrase.replace(/\{(\w+)(?::([^|{}]*)\|([^{}]*))?\}/g, words);
}

/** A probability in words that never claim certainty. */
function percent(probability) {
  const rounded = Math.round(100 * probability);
  if (rounded < 1) return "< 1 %";
  return rounded > 99 ? "> 99 %" : `${rounded} %`;
}

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** One unit for all numbers of a card, so that they are easy to compare: {factor, digits, largest, name}. */
function scaleOf(influences) {
  const largest = Math.max(...influences.map(Math.abs), 0);
  if (!(largest > 0)) return { factor: 1, digits: 2, largest: 1, power: "" };
  const exponent = Math.min(0, 3 * Math.floor(Math.log10(largest) / 3));
  const factor = 10 ** -exponent;
  const digits = largest * factor < 10 ? 2 : largest * factor < 100 ? 1 : 0;
  const power = exponent ? `10${raised(exponent)}` : "";
  return { factor, digits, largest, power };
}

/** The number on this scale with its sign; one that would round to nothing keeps its first digit instead. */
function signed(influence, scale) {
  if (influence === 0) return (0).toFixed(scale.digits);
  const size = Math.abs(influence) * scale.factor;
  const rounded = size.toFixed(scale.digits);
  return (influence < 0 ? "−" : "+") + (Number(rounded) > 0 ? rounded : firstDigit(size));
}

function firstDigit(size) {
  if (size >= 1e-4) return size.toFixed(Math.ceil(-Math.log10(size)));
  const [digit, exponent] = size.toExponential(0).split("e");
  return `${digit}×10${raised(exponent)}`;
}

function raised(exponent) {
  return [...String(exponent)].map((sign) => SUPERSCRIPT[sign]).join("");
}

const labelWords = { none: "—" }; // of labels, in the annotator's language: filled by the view

const labelOrder = []; // all labels by their classes, so that each keeps its sign: filled by the view

const labelNumbers = []; // the label of number 1, 2, …; null where a key has none: filled by the view

const labelTints = { of: {}, set: (tints) => (labelTints.of = tints) }; // of labels whose colour was chosen: filled by the view

/** What gives the label: a key up to 9, beyond that its place in the list. */
function numberOf(label) {
  return labelNumbers.indexOf(label) + 1;
}

const TINTS = 9; // tints and shapes, drawn in card.css

/** Label → "shape-… tint-…". Every nine labels the shapes move on by one, so 81 labels differ in one or the other. */
function signOf(label) {
  const place = Math.max(labelOrder.indexOf(label), 0);
  const shape = (place + Math.floor(place / TINTS)) % TINTS;
  return { tint: `tint-${labelTints.of[label] ?? place % TINTS}`, shape: `shape shape-${shape}` };
}

/** A label as shape, name and tint, so that colour is never the only sign. `odd` sets it apart from the current label. */
function chip(label, { odd = false, shown = label } = {}) {
  if (label === "") return make("span", { class: "nothing" }, labelWords.none);
  const sign = signOf(label);
  const shape = make("span", { class: sign.shape, "aria-hidden": "true" });
  return make("span", { class: `chip ${sign.tint}${odd ? " odd" : ""}`, title: label }, shape, make("bdi", {}, shown));
}

const BRIEF = 20; // characters of a name on a button

/** A long name without its middle: names that begin alike mostly differ at the end. */
function brief(name) {
  if (name.length <= BRIEF) return name;
  const signs = [...new Intl.Segmenter().segment(name)].map(({ segment }) => segment);
  return signs.length <= BRIEF ? name : [...signs.slice(0, BRIEF - 10), "…", ...signs.slice(-9)].join("");
}
