// Words that a text shares with its influencers, marked in both. Marks are elements around text nodes, never HTML, and
// are set once the text is painted, so that they never delay the next one.

const LEAST_LETTERS = 3; // shorter words are shared by chance; of Chinese and the like two signs are a word
const IDEOGRAPHS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;
const WORDS = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)*/gu;
const EVERYWHERE = 0.5; // a word in more of the influencers than this share tells nothing

/** The words of a text: [{at, end, word}]. */
function wordsOf(text) {
  if (IDEOGRAPHS.test(text)) {
    const parts = [...new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)].filter((part) => part.isWordLike);
    return parts.map(({ index, segment }) => ({ at: index, end: index + segment.length, word: segment.toLocaleLowerCase() }));
  }
  return [...text.matchAll(WORDS)].map((found) => ({ at: found.index, end: found.index + found[0].length, word: found[0].toLocaleLowerCase() }));
}

function longEnough(word) {
  return [...word].length >= (IDEOGRAPHS.test(word) ? 2 : LEAST_LETTERS);
}

/** Whether it is one of these words, such as "and", or made of one, such as "it's" and "isn't". */
function isSmall(word, smallWords) {
  return [word, word.replace(/['’]/g, ""), word.replace(/(?:n['’]t|['’]\p{L}+)$/u, "")].some((one) => smallWords.has(one));
}

/** Mark these words in a node that holds nothing but text. */
function markWords(node, words, shared) {
  const text = node.textContent;
  const parts = [];
  let done = 0;
  for (const { at, end, word } of words) {
    if (!shared.has(word)) continue;
    parts.push(text.slice(done, at), make("mark", {}, text.slice(at, end)));
    done = end;
  }
  if (parts.length) node.replaceChildren(...parts, text.slice(done));
}

/** Mark in each of `nodes` what it shares with `own` nodes, and in these what they share with any; small words and words found everywhere are left. */
function markShared(own, nodes, smallWords) {
  const read = (node) => [node, wordsOf(node.textContent)];
  const [mine, theirs] = [own.map(read), nodes.map(read)];
  const known = new Set(mine.flatMap(([, words]) => words.map(({ word }) => word)).filter((word) => longEnough(word) && !isSmall(word, smallWords)));
  const counts = new Map();
  for (const [, words] of theirs) for (const word of new Set(words.map((one) => one.word))) if (known.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const most = Math.max(1, EVERYWHERE * theirs.length);
  const shared = new Set([...counts].filter(([, count]) => count <= most).map(([word]) => word));
  for (const [node, words] of [...mine, ...theirs]) markWords(node, words, shared);
}
