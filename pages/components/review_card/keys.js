// Keys. They are read from the document, so that no focus is needed, and ignored during typing, while a
// dialog is open, with Ctrl, Alt or Meta, and when a held key repeats. Digits are taken by position on the keyboard: with
// Shift (and on some layouts without) they carry no digit in `event.key`.

const TYPING = "input:not([type=button],[type=checkbox],[type=radio]), textarea, select, [contenteditable=true]";
const PRESSABLE = "button, a[href], summary, [role=button], [role=option], [role=menuitem]";

/** Whether this element takes text, so that a key pressed in it is not a command. */
function takesText(element) {
  return element instanceof Element && element.matches(TYPING);
}

/** The digit of the key, 1 to 9, or 0 if it is not a digit. */
function digitOf(event) {
  const onRow = /^Digit([1-9])$/.exec(event.code);
  const onPad = /^Numpad([1-9])$/.exec(event.code);
  if (onPad && event.key !== onPad[1]) return 0; // NumLock is off: an arrow or Home
  return Number((onRow ?? onPad)?.[1] ?? 0);
}

/** Whether the key belongs to an input method that is composing a character. */
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** The key's name, lower case; on a non-Latin layout, the Latin letter at its position. */
function keyOf(event) {
  const latin = event.key.length > 1 || event.key <= "~";
  return (latin ? event.key : event.code.replace(/^Key/, "")).toLowerCase();
}

/** What a key press asks for, as [command, digit], or null. `commands` maps keys (`event.key`, lower case) to names. */
function commandOf(event, commands) {
  if (event.ctrlKey || event.altKey || event.metaKey || isComposing(event)) return null;
  const digit = digitOf(event);
  if (digit && event.shiftKey) return [event.key === "/" ? "slash" : "relabelFocused", digit]; // German: / is ⇧7
  if (digit) return ["label", digit];
  const key = keyOf(event);
  if (event.shiftKey && key === " ") return ["nearer", 0];
  if (event.shiftKey && /^[a-z]$/.test(key)) return null;
  return commands[key] ? [commands[key], 0] : null;
}

/** Whether the key belongs to the focused element: Enter and Space to a button, scrolling keys to a text. */
function isNative(event, target) {
  if (!(target instanceof Element)) return false;
  if (event.key === "Enter") return !event.repeat && target.closest(PRESSABLE) !== null;
  if (event.key === " " && target.closest(PRESSABLE) !== null) return true;
  return /^(Arrow(Up|Down)|Page(Up|Down)| )$/.test(event.key) && target.matches(".text, .prose");
}

/**
 * Listen until `signal` aborts, calling `act(command, digit)` once for each press of a command's key, and `release()`
 * when a key is released or the window is left. Keys for which `takes(event, target)` is true are ignored.
 */
function listenForKeys({ bindings, takes, allows, act, release, signal }) {
  const press = (event) => {
    const target = event.composedPath()[0];
    if (event.defaultPrevented || takesText(target) || takes(event, target)) return;
    const command = commandOf(event, bindings.commands);
    if (command === null || !allows(command[0]) || isNative(event, target)) return;
    event.preventDefault();
    if (!event.repeat) act(...command);
  };
  document.addEventListener("keydown", press, { signal });
  document.addEventListener("keyup", release, { signal });
  window.addEventListener("blur", release, { signal });
}
