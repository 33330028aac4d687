/** The outside lists, each against the inspector's. A verdict counts what is equal and keeps what is not, in words. */

/** Rights as the core packs them: three bits for the kernel, three above them for the user; read, write, execute. */
const USER_SHIFT = 3;
const READ = 1;
const WRITE = 2;

const fixed = (value, digits) => value.toString(16).padStart(digits, "0");
const hex = (value) => `0x${value.toString(16)}`;

/** Lines against lines, in their order; after the first that is missing on one side everything differs, as it should. */
const linesAgainst = (what, ours, theirs) => {
  const differences = [];
  let equal = 0;
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++)
    if (ours[i] === theirs[i]) equal += 1;
    else differences.push(`line ${i + 1}: here ${ours[i] ?? "nothing"}, there ${theirs[i] ?? "nothing"}`);
  return { what, equal, told: "", differences };
};

/** The bits that `info tlb` prints, by their letters; P stands for a large page. */
const LETTERS = [
  ["G", 8],
  ["P", null],
  ["D", 6],
  ["A", 5],
  ["C", 4],
  ["T", 3],
  ["U", 2],
  ["W", 1],
];

const tlbLine = ({ address, physical, lo, hi, isLarge }) => {
  const letters = LETTERS.map(([letter, bit]) => ((bit === null ? isLarge : (lo >>> bit) & 1) ? letter : "-")).join("");
  return `${fixed(address, 16)}: ${fixed(physical, 16)} ${hi >>> 31 === 1 ? "X" : "-"}${letters}`;
};

/** With PAE, QEMU prints the bit of no-execute as a part of the address as well. */
const withoutLeak = (line) =>
  line.replace(
    /^([0-9a-f]{16}: )([0-9a-f]{16})/,
    (_, address, physical) => `${address}${fixed(BigInt(`0x${physical}`) & ~(1n << 63n), 16)}`,
  );

/** What `info mem` joins: neighbours of equal rights, wherever they lie. */
const memRanges = ({ leaves, page }) => {
  const ranges = [];
  let last = null;
  for (const { address, pages, rights } of leaves) {
    const isUser = rights >>> USER_SHIFT !== 0;
    const word = `${isUser ? "u" : "-"}r${((isUser ? rights >>> USER_SHIFT : rights) & WRITE) === 0 ? "-" : "w"}`;
    const end = address + BigInt(pages * page);
    if (last !== null && last.end === address && last.word === word) last.end = end;
    else ranges.push((last = { first: address, end, word }));
  }
  return ranges;
};

const memLine = ({ first, end, word }) => `${fixed(first, 16)}-${fixed(end, 16)} ${fixed(end - first, 16)} ${word}`;

/** QEMU's own walks of everything, on x86: against the list, and against the text that the inspector writes in QEMU's words. */
export const againstLists = async ({ machine }, seen, { tlb, mem }) => {
  const linesOf = (text) => text.split("\n").filter((line) => /^[0-9a-f]+[-:]/.test(line));
  const verdicts = [];
  if (tlb !== null) {
    const theirs = linesOf(tlb);
    verdicts.push(linesAgainst("info tlb", seen.leaves.map(tlbLine), machine === "i386-pae" ? theirs.map(withoutLeak) : theirs));
    verdicts.push(linesAgainst("info tlb as text", linesOf(await seen.written("info-tlb")), theirs));
  }
  if (mem !== null) {
    const theirs = linesOf(mem);
    verdicts.push(linesAgainst("info mem", memRanges(seen).map(memLine), theirs));
    verdicts.push(linesAgainst("info mem as text", linesOf(await seen.written("info-mem")), theirs));
  }
  return verdicts;
};

/** What the image's own note says of the processor, and what the monitor said: registers that both name. */
export const againstNote = ({ registers }, note) => {
  const both = Object.keys(registers).filter((name) => note[name] !== undefined);
  const differences = both
    .filter((name) => BigInt(registers[name]) !== note[name])
    .map((name) => `${name}: here ${hex(note[name])}, there ${registers[name]}`);
  return { what: "registers of the note", equal: both.length - differences.length, told: ` (${both.join(", ")})`, differences };
};

/** The leaf that an address lies in. */
const finder =
  ({ leaves, page }) =>
  (address) => {
    let low = 0;
    let high = leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (leaves[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    const leaf = leaves[low - 1];
    return leaf !== undefined && address < leaf.address + BigInt(leaf.pages * page) ? leaf : null;
  };

const physicalIn = (leaf, address) => BigInt(leaf.physical) + (address - leaf.address);
const pairs = (text) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.split(" "));

/** One address after the other, as `user` or `kernel` would read there. */
export const againstSamples = (what, seen, text, who) => {
  const find = finder(seen);
  const differences = [];
  let equal = 0;
  let mapped = 0;
  for (const [name, there] of pairs(text)) {
    const address = BigInt(name);
    const leaf = find(address);
    const mayRead = leaf !== null && ((who === "user" ? leaf.rights >>> USER_SHIFT : leaf.rights) & READ) !== 0;
    const here = mayRead ? hex(physicalIn(leaf, address)) : "-";
    if (here === there) {
      equal += 1;
      mapped += mayRead ? 1 : 0;
    } else differences.push(`${name}: here ${here}, there ${there}`);
  }
  return { what, equal, told: ` (${mapped} mapped)`, differences };
};

const PRESENT = 63n;
const SWAPPED = 62n;
const FRAME = (1n << 55n) - 1n;

/** The guest's word on every page of the process. It counts as present what is there and may not be touched. */
export const againstGuest = (seen, text) => {
  const find = finder(seen);
  const { page, software } = seen;
  const differences = [];
  const kinds = { mapped: 0, hidden: 0, absent: 0 };
  for (const [name, word] of pairs(text)) {
    const address = BigInt(name);
    const entry = BigInt(word);
    const there = (entry >> PRESENT) & 1n ? hex((entry & FRAME) * BigInt(page)) : (entry >> SWAPPED) & 1n ? "swap" : "-";
    const leaf = find(address);
    const told = leaf === null ? software.get(address) : undefined;
    const here =
      leaf !== null ? hex(physicalIn(leaf, address)) : told === undefined ? "-" : told.kind === "swap" ? "swap" : hex(told.physical);
    if (here !== there) differences.push(`${name}: here ${here}, there ${there}`);
    else kinds[leaf !== null ? "mapped" : told === undefined ? "absent" : "hidden"] += 1;
  }
  const { mapped, hidden, absent } = kinds;
  return {
    what: "pagemap",
    equal: mapped + hidden + absent,
    told: ` (${mapped} mapped, ${hidden} there but forbidden, ${absent} absent)`,
    differences,
  };
};
