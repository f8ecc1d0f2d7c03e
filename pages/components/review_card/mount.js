// The card's own script. Streamlit sends a component's script again with everything that it shows, so this only calls
// those that came once, in a component of their own; whichever of the two comes first.

const scripts = (globalThis.inffeedReviewCard ??= {});
scripts.arrival ??= new Promise((resolve) => (scripts.arrived = resolve));

export default async (component) => {
  await scripts.arrival;
  return scripts.card(component);
};
