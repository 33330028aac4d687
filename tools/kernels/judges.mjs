/** The outside lists, each against the inspector's. A verdict counts what is equal and keeps what is not, in words. */

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

/** Address and target of what `info tlb` prints. With PAE, QEMU prints the bit of no-execute as a part of the address as well. */
const targetIn = (line) => {
  const [, address, physical] = /^([0-9a-f]{16}): ([0-9a-f]{16})/.exec(line) ?? [];
  return `${address} ${fixed(BigInt(`0x${physical}`) & ~(1n << 63n), 16)}`;
};

/** What `info mem` joins: neighbours of equal rights, wherever they lie. */
const memRanges = ({ leaves }) => {
  const ranges = [];
  let last = null;
  for (const { address, bytes, user, kernel } of leaves) {
    const isUser = user !== "---";
    const word = `${isUser ? "u" : "-"}r${(isUser ? user : kernel)[1]}`;
    const end = address + BigInt(bytes);
    if (last !== null && last.end === address && last.word === word) last.end = end;
    else ranges.push((last = { first: address, end, word }));
  }
  return ranges;
};

const memLine = ({ first, end, word }) => `${fixed(first, 16)}-${fixed(end, 16)} ${fixed(end - first, 16)} ${word}`;

/**
 * `info mem` of RISC-V joins neighbours that are so in physical memory too: each leaf must lie in a range, with its target and its bits,
 * and leaves and ranges must be equally long together.
 */
const againstRiscv = ({ leaves }, mem) => {
  const ranges = mem.split("\n").flatMap((line) => {
    const [, ...numbers] = /^([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{16}) [-rwxugad]{7}$/.exec(line) ?? [];
    if (numbers.length === 0) return [];
    const [first, physical, bytes] = numbers.map((text) => BigInt(`0x${text}`));
    return [{ first, physical, bytes, word: line.slice(-7) }];
  });
  const differences = [];
  let equal = 0;
  let at = 0;
  let listed = 0n;
  for (const { first, address, bytes, physical, user, kernel, global, accessed, dirty } of leaves) {
    while (at < ranges.length && address >= ranges[at].first + ranges[at].bytes) at += 1;
    const range = ranges[at];
    const rights = user === "---" ? kernel : user;
    const mark = (is, letter) => (is ? letter : "-");
    const word = `${rights}${mark(user !== "---", "u")}${mark(global, "g")}${mark(accessed, "a")}${mark(dirty, "d")}`;
    const here = `${hex(physical)} ${word}`;
    const there = range === undefined || address < range.first ? "nothing" : `${hex(range.physical + address - range.first)} ${range.word}`;
    listed += BigInt(bytes);
    if (here === there) equal += 1;
    else differences.push(`${first}: here ${here}, there ${there}`);
  }
  const told = ranges.reduce((sum, { bytes }) => sum + bytes, 0n);
  if (told !== listed) differences.push(`here ${listed} bytes are mapped, there ${told}`);
  return { what: "list, ranges of info mem", equal, told: ` (in ${ranges.length} ranges)`, differences };
};

/** QEMU's own walks of everything, on x86: the lists that the inspector makes in QEMU's words, and its own list beside them. */
export const againstLists = ({ kind }, seen, { tlb, mem }) => {
  if (kind === "riscv64") return [againstRiscv(seen, mem)];
  const linesOf = (text) => text.split("\n").filter((line) => /^[0-9a-f]+[-:]/.test(line));
  const verdicts = [];
  if (tlb !== null) {
    const theirs = linesOf(tlb);
    verdicts.push(linesAgainst("list --format info-tlb", linesOf(seen.written("info-tlb")), theirs));
    const ours = seen.leaves.map(({ address, physical }) => `${fixed(address, 16)} ${fixed(physical, 16)}`);
    verdicts.push(linesAgainst("list, targets of info tlb", ours, theirs.map(targetIn)));
  }
  if (mem !== null) {
    const theirs = linesOf(mem);
    verdicts.push(linesAgainst("list --format info-mem", linesOf(seen.written("info-mem")), theirs));
    verdicts.push(linesAgainst("list, ranges of info mem", memRanges(seen).map(memLine), theirs));
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
  ({ leaves }) =>
  (address) => {
    let low = 0;
    let high = leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (leaves[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    const leaf = leaves[low - 1];
    return leaf !== undefined && address < leaf.address + BigInt(leaf.bytes) ? leaf : null;
  };

const physicalIn = (leaf, address) => leaf.physical + (address - leaf.address);
const pairs = (text) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.split(" "));

/** One address after the other, as `user` or `kernel` would read there. The monitor does not mind pages that are not marked as used. */
export const againstSamples = (what, seen, text, who) => {
  const find = finder(seen);
  const differences = [];
  let equal = 0;
  let mapped = 0;
  for (const [name, there] of pairs(text)) {
    const address = BigInt(name);
    const leaf = find(address);
    const mayRead = leaf !== null && leaf[who][0] === "r";
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
const TYPE_BITS = 5n;

/** A word of pagemap. @see Linux Documentation/admin-guide/mm/pagemap.rst */
const guestSays = (entry, page) => {
  if ((entry >> PRESENT) & 1n) return hex((entry & FRAME) * BigInt(page));
  if (((entry >> SWAPPED) & 1n) === 0n) return "-";
  const within = entry & FRAME;
  return `swap ${within & ((1n << TYPE_BITS) - 1n)} ${hex(within >> TYPE_BITS)}`;
};

/** Pages from here on are the kernel's, though a page or two of them are shown to processes: pagemap has no word on those. */
const kernelFrom = (kind) => (["i386", "i386-pae", "armhf"].includes(kind) ? 0xc000_0000n : 1n << 63n);

/** Pages of each kind that the process makes: fewer, and the comparison shows less than it says. */
const MADE = { hidden: 8, swapped: 16 };
/** Machines whose tables have no accessed mark: what is not used lately is taken from the processor. */
const MADE_OLD = 4;

/**
 * The guest's word on every page of the process: where it lies, or in which area of swap space at which place. It counts as present
 * what is there and may not be touched.
 */
export const againstGuest = (manifest, seen, text) => {
  const find = finder(seen);
  const { page, leaves, software } = seen;
  const kernel = kernelFrom(manifest.kind);
  const differences = [];
  const kinds = { mapped: 0, hidden: 0, old: 0, swapped: 0, absent: 0 };
  const areas = new Set();
  const asked = new Set();
  for (const [name, word] of pairs(text)) {
    const address = BigInt(name);
    asked.add(address);
    const there = guestSays(BigInt(word), page);
    const leaf = find(address);
    const told = leaf === null ? software.get(address) : undefined;
    const here = leaf !== null ? hex(physicalIn(leaf, address)) : (told?.says ?? "-");
    if (here !== there) {
      differences.push(`${name}: here ${here}, there ${there}`);
      continue;
    }
    kinds[leaf !== null ? "mapped" : (told?.kind ?? "absent")] += 1;
    if (told?.kind === "swapped") areas.add(here.split(" ")[1]);
  }
  for (const address of [...leaves.filter(({ user }) => user !== "---").map((leaf) => leaf.address), ...software.keys()])
    if (address < kernel && !asked.has(address)) differences.push(`${hex(address)}: here a page of the process, there nothing`);
  const known = manifest.maps.reduce((sum, { first, end }) => sum + (BigInt(first) < kernel ? BigInt(end) - BigInt(first) : 0n), 0n);
  if (BigInt(asked.size * page) !== known)
    differences.push(`pagemap has ${asked.size} pages, and the process's ranges ${known / BigInt(page)}`);
  const made = {
    ...(manifest.spins === "spinner" ? { hidden: MADE.hidden, ...(manifest.kind === "armhf" ? { old: MADE_OLD } : {}) } : {}),
    ...(manifest.spins === "spinner" && manifest.swaps.length > 0 ? { swapped: MADE.swapped } : {}),
  };
  for (const [kind, count] of Object.entries(made))
    if (kinds[kind] < count) differences.push(`only ${kinds[kind]} pages are ${kind}, and the process made ${count}`);
  if (made.swapped !== undefined && areas.size < manifest.swaps.length)
    differences.push(`pages are swapped to ${areas.size} of ${manifest.swaps.length} areas`);
  const { mapped, hidden, old, swapped, absent } = kinds;
  return {
    what: "list --os linux, pagemap",
    equal: mapped + hidden + old + swapped + absent,
    told: ` (${mapped} mapped, ${hidden} there but forbidden, ${old} not used lately, ${swapped} swapped to ${areas.size} areas, ${absent} absent)`,
    differences,
  };
};

/** Pages whose walk is looked at: each takes a command of its own. */
const WALKED = 6;

/** Linux's own entry beside the processor's, on 32-bit ARM: it names the page that pagemap names, and says that it is there and used. */
export const againstCompanions = (seen, text) => {
  const find = finder(seen);
  const mapped = pairs(text).filter(([name]) => find(BigInt(name)) !== null);
  const step = Math.max(1, Math.floor(mapped.length / WALKED));
  const differences = [];
  let equal = 0;
  for (let i = 0; i < mapped.length; i += step) {
    const [name, word] = mapped[i];
    const there = `${guestSays(BigInt(word), seen.page)} Linux: present, young`;
    const beside = seen.walk(BigInt(name)).steps.at(-1).beside;
    const here = beside === null ? "nothing" : `${hex(BigInt(beside.raw) & ~0xfffn)} ${/^Linux: present, young/.exec(beside.says)?.[0]}`;
    if (here === there) equal += 1;
    else differences.push(`${name}: here ${here}, there ${there}`);
  }
  return { what: "walk --os linux, entries beside the processor's", equal, told: "", differences };
};
