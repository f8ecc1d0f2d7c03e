// The actions on a text: a bar at the foot of the room, whose buttons stay in place from text to text.

const DIGITS = 9; // labels with their own key; the rest are in the list
const ACTS = ["keep", "unsure", "skip", "flag", "note", "leaveOut"];
const MARKS = { keep: "keep", leaveOut: "leave-out" };

class Actions {
  /** `view` makes the buttons and knows labels and words. */
  constructor(view) {
    this.view = view;
    const { strings, labels } = view;
    this.accept = view.button("accept", { text: "", extra: "accept" });
    this.choices = labels.slice(0, DIGITS).filter((label) => numberOf(label) <= DIGITS).map((label) => this.choice(label));
    this.all = labels.length > DIGITS ? view.button("labels", { text: fill(strings.all_labels, { count: labels.length }) }) : null;
    const acts = ACTS.map((name) => view.button(name, { text: strings[name], extra: MARKS[name] ?? "" }));
    this.node = make(
      "div",
      { class: "actions", role: "toolbar", "aria-label": strings.actions },
      make("div", { class: "group" }, this.accept, ...acts),
      make("div", { class: "group choices" }, ...this.choices, this.all),
    );
  }

  choice(label) {
    const digit = numberOf(label);
    const node = this.view.button("label", { key: String(digit), text: "", name: label, extra: "choice", digit });
    node.text.replaceWith(chip(label, { shown: brief(label) }));
    node.dataset.label = label;
    return node;
  }

  /** Set the bar to this item, or to none. */
  fill(item) {
    const { room, strings } = this.view;
    const known = item !== null && !item.blind;
    const chosen = known ? room.labelOf(item) : null;
    const words = known ? fill(strings.accept, { label: item.suggested }) : strings.accept_none;
    this.node.toggleAttribute("data-idle", item === null);
    this.node.toggleAttribute("data-blind", item?.blind ?? false);
    this.node.querySelector(".leave-out").hidden = !item?.leave_out; // only feedback proposes it
    this.accept.disabled = !known;
    this.accept.text.replaceChildren(known ? fill(strings.accept, { label: brief(item.suggested) }) : words);
    this.accept.title = words;
    this.accept.setAttribute("aria-label", words);
    for (const choice of this.choices) choice.toggleAttribute("data-current", choice.dataset.label === chosen);
  }
}
