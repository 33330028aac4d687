/** Changes of listings that know what they consist of: lines, numbers, words and brackets. */

const PIECES = [
  "0",
  "1",
  "ffffffffffffffff",
  "0x",
  '"',
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  "\n",
  "\r\n",
  "> ",
  " ",
  "\t",
  "\\u0041",
  "1e9",
  "-1",
  "null",
  "true",
];
const LINES = [
  "MMU contexts: Primary: 1, Secondary: 2\n",
  "DMMU dump\n",
  "IMMU disabled\n",
  "[00] VA: 0, PA: 0,   8k, user, RO, unlocked, ie no, ctx 0 local\n",
  "Index:  3 pgmask=4kb va=00400000 asid=07\n",
  "\t[ri=0 xi=1 pa=00010000 c=3 d=1 v=1 g=0] [ri=1 xi=0 pa=00000000 c=2 d=0 v=0 g=0]\n",
  "EntryHi  : 00000007\n",
  "[    1.000000] CPU1:\n",
  '{"format":1,"tlb":[]}\n',
];
const MOST = 8192;

/** @returns another text; `donor` is another listing, of which lines may be taken */
export const changedListing = (chance, text, donor) => {
  let changed = text;
  for (let left = 1 + chance.below(4); left > 0; left--) {
    const at = chance.below(changed.length + 1);
    const kind = chance.below(6);
    if (kind === 0) changed = changed.slice(0, at) + chance.of(PIECES) + changed.slice(at + chance.below(3));
    else if (kind === 1) changed = changed.slice(0, at) + changed.slice(at + 1 + chance.below(12));
    else if (kind === 2) {
      // A number or a word becomes another of the text.
      const tokens = [...changed.matchAll(/[0-9a-zA-Z_]+/g)];
      if (tokens.length === 0) continue;
      const [one, other] = [chance.of(tokens), chance.of(tokens)];
      changed = changed.slice(0, one.index) + other[0] + changed.slice(one.index + one[0].length);
    } else {
      const lines = changed.split(/(?<=\n)/);
      const line = chance.below(lines.length + 1);
      const others = donor.split(/(?<=\n)/);
      if (kind === 3) lines.splice(line, 1);
      else lines.splice(line, kind === 4 ? 1 : 0, chance.once(2) ? chance.of(LINES) : chance.of(others));
      changed = lines.join("");
    }
  }
  return (chance.once(8) ? changed.slice(0, chance.below(changed.length + 1)) : changed).slice(0, MOST);
};
