// Elements, made without any HTML: whatever a text holds, it is only ever shown.

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

/** "Kept {count} of {of}" with its places filled. */
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

/** One unit for all numbers of a card, so that they compare at a glance: {factor, digits, largest, name}. */
function scaleOf(influences) {
  const largest = Math.max(...influences.map(Math.abs), 0);
  if (!(largest > 0)) return { factor: 1, digits: 2, largest: 1, power: "" };
  const exponent = Math.min(0, 3 * Math.floor(Math.log10(largest) / 3));
  const factor = 10 ** -exponent;
  const digits = largest * factor < 10 ? 2 : largest * factor < 100 ? 1 : 0;
  const power = exponent ? "10" + [...String(exponent)].map((c) => SUPERSCRIPT[c]).join("") : "";
  return { factor, digits, largest, power };
}

function signed(influence, scale) {
  const size = (Math.abs(influence) * scale.factor).toFixed(scale.digits);
  return (influence < 0 ? "−" : "+") + size;
}

const TINTS = 9; // tints and shapes, drawn in card.css; more labels repeat them

/** A label as shape, name and tint, so that colour is never all there is. `odd` sets it off from the current label. */
function chip(label, labels, { odd = false } = {}) {
  const place = Math.max(labels.indexOf(label), 0) % TINTS;
  const shape = make("span", { class: `shape shape-${place}`, "aria-hidden": "true" });
  return make("span", { class: `chip tint-${place}${odd ? " odd" : ""}` }, shape, make("bdi", {}, label));
}
