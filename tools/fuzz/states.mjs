/** Changes of what processors hold beside the tables: rows of TLBs that overlap or lie, registers that lead elsewhere, other spaces. */
import { changedTables } from "./walks.mjs";

const MASK = (1n << 64n) - 1n;
const SIZES = [1, 2048, 4096, 8192, 65536, 2 ** 20, 2 ** 22, 2 ** 28];

/** @returns a changed input; `donor` is another one of the same machine */
export const changedState = (chance, architecture, input, donor) => {
  let { words, regions, roots } = input;
  if (!chance.once(3)) {
    const isTree = architecture.translation.kind === "hierarchical";
    if (isTree) ({ words, regions, roots } = changedTables(chance, architecture, input, donor));
    else words = changedWords(chance, input, donor);
  }
  const tlb = [...input.state.tlb];
  const registers = { ...input.state.registers };
  let spaces = [...(input.state.spaces ?? [])];
  let asked = { ...input.asked };
  const someAddress = () =>
    chance.of([
      ...tlb.map(({ virtual }) => virtual),
      0n,
      0x8000_0000n,
      architecture.layout.kernel.first,
      MASK,
      BigInt(chance.below(2 ** 32)),
    ]);
  const bigs = () =>
    chance.of([
      0n,
      1n,
      MASK,
      BigInt(chance.below(2 ** 32)),
      someAddress(),
      ...Object.values(registers),
      ...(words.size === 0 ? [] : [BigInt(chance.of([...words.keys()]))]),
    ]);
  const kinds = [
    () => {
      if (tlb.length === 0) return;
      const at = chance.below(tlb.length);
      const row = tlb[at];
      tlb[at] = {
        ...row,
        ...chance.of([
          () => ({ virtual: someAddress() }),
          () => ({ virtual: row.virtual ^ (1n << BigInt(chance.below(64))) }),
          () => ({ physical: bigs() }),
          () => ({ bytes: chance.of(SIZES) }),
          () => ({ asid: chance.below(300) }),
          () => ({ index: chance.below(70) }),
          () => ({ global: !row.global }),
          () => ({ kernel: chance.below(8), user: chance.below(8) }),
          () => ({ valid: false, kernel: 0, user: 0 }),
          () => ({ unit: chance.of(["data", "instruction"]) }),
        ])(),
      };
    },
    () => {
      if (tlb.length > 0) tlb.splice(chance.below(tlb.length), 1);
    },
    () => {
      if (tlb.length > 0 && tlb.length < 200) tlb.push({ ...chance.of(tlb), virtual: someAddress() });
    },
    () => {
      const names = Object.keys(registers);
      if (names.length > 0) registers[chance.of(names)] = bigs();
    },
    () => {
      const names = Object.keys(registers);
      if (names.length > 0 && chance.once(3)) delete registers[chance.of(names)];
    },
    () => {
      if (spaces.length === 0) return;
      const at = chance.below(spaces.length);
      const space = spaces[at];
      spaces[at] = chance.of([
        () => ({ ...space, asid: chance.below(9) }),
        () => ({ ...space, space: chance.below(9) }),
        () => ({ ...space, root: bigs() }),
        () => ({ ...space, registers: { ...space.registers, [chance.of(["TSB_I", "TSB_D", "X"])]: bigs() } }),
      ])();
    },
    () => {
      spaces = chance.once(2) ? [] : (donor.state.spaces ?? []);
    },
    () => {
      asked = chance.of([
        () => ({}),
        () => ({ asid: chance.below(9) }),
        () => ({ space: chance.below(9) }),
        () => ({ root: Number(bigs() & 0xffff_fff8n) }),
        () => ({ buffers: { TSB_D: bigs() } }),
      ])();
    },
    () => {
      tlb.push(...donor.state.tlb.slice(0, 8));
    },
  ];
  for (let left = 1 + chance.below(4); left > 0; left--) chance.of(kinds)();
  return { ...input, words, regions, roots, asked, state: { ...input.state, registers, tlb: tlb.slice(0, 256), spaces } };
};

/** Words that are entries of no tree: chains, tags and data. */
const changedWords = (chance, input, donor) => {
  const words = new Map(input.words);
  const keys = [...words.keys()];
  for (let left = 1 + chance.below(5); left > 0 && keys.length > 0; left--) {
    const at = chance.of(keys);
    const word = words.get(at) ?? 0n;
    const other = chance.of(keys);
    const changed = chance.of([
      () => word ^ (1n << BigInt(chance.below(64))),
      () => words.get(other) ?? 0n,
      () => swapped(BigInt(other)),
      () => swapped(BigInt(at)),
      () => donor.words.get(at) ?? 0n,
      () => MASK,
      () => 0n,
    ])();
    if (changed === 0n) words.delete(at);
    else words.set(at, changed & MASK);
  }
  return words;
};

/** A big-endian machine's word, as inputs hold them. */
const swapped = (word) => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, word & MASK);
  return view.getBigUint64(0, true);
};
