/**
 * Mutants that may live, each with the reason: by file, what stood there and what the mutant has instead. Both are written as the
 * report shows them, white space squeezed; a list means all of them, and a third text stands on the same line. Whoever changes such a line looks at its reason again.
 */
export const REASONS = {
  same: "no input tells the two apart: the case that they treat differently cannot come, or the line after it gives the same answer",
  speed:
    "only how long it takes, or how much memory it holds meanwhile: a short cut, a search that begins too early, a room that is made earlier",
  assertion: "an assertion of ours, that what cannot happen has not: no test can make it fail without breaking the core first",
};

const PAGES = "packages/core/src/";

export const EXPLAINED = [
  {
    file: `${PAGES}used-space/used-space.ts`,
    why: "same",
    because: "position −1 has no key, and no comparison with nothing holds",
    mutants: [
      ["at !== NONE", "true"],
      ["left === NONE", "false", "? 0 :"],
      ["left === NONE", "false", "? -1 :"],
      ["right === NONE", "false", "? Infinity :"],
    ],
  },
  {
    file: `${PAGES}used-space/used-space.ts`,
    why: "speed",
    because: "a promise that nobody made cannot be taken back; asking saves a call on the road of every page fault",
    mutants: [["promised > 0", ["true", "promised >= 0"]]],
  },
  {
    file: `${PAGES}used-space/used-space.ts`,
    why: "same",
    because: "intervals that touch were dealt with in the branches before",
    mutants: [
      ["first < only + pages", "first <= only + pages"],
      ["only < first + count", "only <= first + count"],
    ],
  },
  {
    file: `${PAGES}used-space/used-space.ts`,
    why: "same",
    because: "the root that is encoded as 0 is the empty tree: it has nothing to clear and is 0 again",
    mutants: [
      ["first < 0", "first <= 0"],
      ["root > 0", "root >= 0"],
      ["promised > 1", "promised >= 1"],
    ],
  },
  {
    file: `${PAGES}used-space/used-space.ts`,
    why: "same",
    because: "an empty slot is 0 and 0, and the last page of it is −1, which is what none is called",
    mutants: [["this.#slots[2 * slot + 1] === 0", "false"]],
  },
  {
    file: `${PAGES}asid/steal-oldest.ts`,
    why: "same",
    because: "an array that is filled from the start and one that has nothing there answer the same: nobody idle",
    mutants: [
      ["{ length: this.#asids.first }", "{}"],
      ["() => null", "() => undefined"],
      ["this.#idle.push(null);", ";"],
    ],
  },
  {
    file: `${PAGES}asid/steal-oldest.ts`,
    why: "same",
    because: "0 is the kernel's and is never handed out",
    mutants: [["asid < 0", "asid <= 0"]],
  },
  {
    file: `${PAGES}asid/steal-oldest.ts`,
    why: "speed",
    because: "when the front of a queue that was read is given back",
    mutants: [
      [
        "this.#returnedHead > 1024 && this.#returnedHead * 2 > this.#returned.length",
        ["true", "false", "this.#returnedHead > 1024 || this.#returnedHead * 2 > this.#returned.length"],
      ],
      ["this.#returnedHead > 1024", ["true", "this.#returnedHead >= 1024", "this.#returnedHead <= 1024"]],
      [
        "this.#returnedHead * 2 > this.#returned.length",
        ["true", "this.#returnedHead * 2 >= this.#returned.length", "this.#returnedHead * 2 <= this.#returned.length"],
      ],
      ["this.#returnedHead * 2", "this.#returnedHead / 2"],
    ],
  },
  {
    file: `${PAGES}tlb/shootdown.ts`,
    why: "same",
    because: "what interrupts were is asked only after a start has written it down; the initiator itself has stopped",
    mutants: [
      ["true", "false", "#interruptsBefore"],
      ["other !== self", "true"],
    ],
  },
  {
    file: `${PAGES}tlb/lookaside.ts`,
    why: "speed",
    because: "the slower road comes to the same entry; a slot, a table or everything is looked through, or forgotten, for nothing",
    mutants: [
      ["this.#pages === NO_PAGES", "false"],
      ["frame >= this.ramFirst", "true", "#moveToTable"],
      ["frame < this.ramEnd", "frame <= this.ramEnd", "#moveToTable"],
      ["page >= STARTS || near !== frame || near < this.ramFirst || near >= this.ramEnd", "true"],
      ["near < this.ramFirst", "near <= this.ramFirst"],
      ["this.#early > 0 && this.views[front] === NO_STARTS", "false", "if (this.#early > 0 && this.views"],
      ["{ this.#early -= 1; return; }", "{}"],
      ["span > SLOT_MASK", "false"],
      ["{ this.flush(1 << front); return; }", "{}"],
    ],
  },
  {
    file: `${PAGES}tlb/lookaside.ts`,
    why: "same",
    because:
      "a start and its two neighbours lie in one page; a typed array has no element beyond its end, nobody asks about a seventh front, and what is noted twice is 0 twice",
    mutants: [
      ["start - 1", "start + 1"],
      ["each < STARTS", ["true", "each <= STARTS"]],
      ["note < this.#notes", "note <= this.#notes"],
      ["front < COUNT", "front <= COUNT"],
    ],
  },
  {
    file: `${PAGES}tlb/entry-note.ts`,
    why: "same",
    because: "what is no form has no leaf, and no rights of parts",
    mutants: [["[]", '["Stryker was here"]', "forms = []"]],
  },
  {
    file: `${PAGES}paging/entry-codec.ts`,
    why: "speed",
    because:
      "a rule has two roads to its answer, a table and the plain evaluation; so have addresses that are in place; which one is taken, and how wide a table is, no answer tells",
    mutants: [
      ["fields.map(fieldBits).filter(([, low]) => low >= 32 === isHigh)", "fields.map(fieldBits)"],
      ["low >= 32 === isHigh", "true"],
      ["{ shift: 0, width: 0 }", "{}"],
      ["([, bit]) => bit", "() => undefined"],
      ["{ shift: low % 32, width: Math.max(...bits.map(([bit]) => bit)) - low + 1 }", "{}"],
      ["Math.max(...bits.map(([bit]) => bit)) - low", "Math.max(...bits.map(([bit]) => bit)) + low"],
      ["([bit]) => bit", "() => undefined"],
      [
        "{ const crosses = fields.some((field) => fieldBits(field)[0] >= 32 && fieldBits(field)[1] < 32); return !crosses && windowOf(fields, false).width + windowOf(fields, true).width <= WIDEST_TABLE; }",
        "{}",
      ],
      [
        "fields.some((field) => fieldBits(field)[0] >= 32 && fieldBits(field)[1] < 32)",
        "fields.every(field => fieldBits(field)[0] >= 32 && fieldBits(field)[1] < 32)",
      ],
      ["fieldBits(field)[0] >= 32 && fieldBits(field)[1] < 32", ["true", "fieldBits(field)[0] >= 32 || fieldBits(field)[1] < 32"]],
      ["fieldBits(field)[0] >= 32", ["true", "fieldBits(field)[0] > 32"]],
      ["fieldBits(field)[1] < 32", ["true", "fieldBits(field)[1] <= 32"]],
      ["!crosses && windowOf(fields, false).width + windowOf(fields, true).width <= WIDEST_TABLE", "false"],
      [
        "windowOf(fields, false).width + windowOf(fields, true).width <= WIDEST_TABLE",
        "windowOf(fields, false).width + windowOf(fields, true).width < WIDEST_TABLE",
      ],
      ["windowOf(fields, false).width + windowOf(fields, true).width", "windowOf(fields, false).width - windowOf(fields, true).width"],
      ["true", "false", "forms.length === 0 && AnswerTable"],
      ["true", "false", "windowOf(fields, true)"],
      ["this.#table !== null", "false"],
      ["this.isInPlace", "false"],
      ["this.frameHigh === 0", "false"],
      ["forms.length === 0 && AnswerTable.fits(fields)", ["true", "false", "forms.length === 0 || AnswerTable.fits(fields)"]],
      ["forms.length === 0", ["true", "forms.length !== 0"]],
      ["this.#meanings === null", ["true", "false", "this.#meanings !== null"]],
    ],
  },
  {
    file: `${PAGES}paging/entry-codec.ts`,
    why: "same",
    because:
      "both formulas agree at the border, bits that belong to the other half drop out again, and a typed array has no element beyond its end",
    mutants: [
      ["low >= 32", ["false", "low > 32"]],
      ["bit >= from", "true"],
      ["bit < from + 32", "bit <= from + 32"],
      ["at < low.width + high.width", "at <= low.width + high.width"],
      ["below < 2 ** at", "below <= 2 ** at"],
      ["flags < PAGE_FLAG_SETS", "flags <= PAGE_FLAG_SETS"],
      ["this.#answers === null", "false"],
      ["false", "true", "isInPlace: boolean"],
    ],
  },
  {
    file: "packages/arch-amd64/src/formats.ts",
    why: "same",
    because: "one bit is the same field as a number and as a pair of equal ones",
    mutants: [["high === low", "false", "bits: "]],
  },
  {
    file: "packages/arch-amd64/src/control-registers.ts",
    why: "same",
    because:
      "a tree that software has built by itself belongs to no space: nobody asks for its number, nor whether it is the kernel's; and every machine of the port has a tree",
    mutants: [
      ["false", "true", "new TranslationContext(NOBODYS"],
      ["-1", "+1", "NOBODYS"],
      ['translation.kind === "hierarchical"', "true"],
    ],
  },
  {
    file: `${PAGES}tlb/replacement.ts`,
    why: "assertion",
    because: "a candidate that was counted is found again",
    mutants: [['throw new Error("a candidate was counted and is not there");', ";"]],
  },
  {
    file: `${PAGES}tlb/replacement.ts`,
    why: "speed",
    because: "how full a set is said to be only saves a search that finds the same",
    mutants: [
      ["isNew", "false", "vacant"],
      ["isNew || this.#rule >= BY_AGE", "true"],
      ["set.vacant -= 1", "set.vacant += 1"],
    ],
  },
  {
    file: `${PAGES}tlb/replacement.ts`,
    why: "same",
    because: "equal numbers are one number, and the newest of a set is the one that has no newer one",
    mutants: [
      ["set.hand > entry.way", "set.hand >= entry.way"],
      ["set.free > entry.way", "set.free >= entry.way"],
      ["newest === entry || newer === null", "newest === entry && newer === null"],
      ["newest === entry", "false"],
      ["newer === null", "false", "newest"],
    ],
  },
  {
    file: `${PAGES}paging/hierarchical.ts`,
    why: "same",
    because:
      "nothing lies below address 0, where no table is: what is read there is absent; and what begins as something else is given its value before anybody asks",
    mutants: [
      ["address >= 0", ["true", "address > 0"]],
      ["address < 0", ["false", "address <= 0"]],
      ["table < 0", "table <= 0"],
      ["entry >= 0", "entry > 0"],
      ["table === NO_ROOT", "false"],
      ["context.root === NO_ROOT", "false"],
      ["-1", "+1", "NO_ROOT"],
      ["-1", "+1", "#cachedPrefix"],
      ["{ frame: 0, rights: 0, flags: 0 }", "{}"],
      ["false", "true", "#shadowed: boolean"],
      ["false", "true", "#hasKernelRoot: boolean"],
    ],
  },
  {
    file: `${PAGES}paging/hierarchical.ts`,
    why: "same",
    because:
      "a remainder leaves small numbers as they are, an exact machine has nothing above its hole, the upper half of it is empty, and the kernel's root exists before its tables",
    mutants: [
      ["page < this.#limit", ["true", "false", "page <= this.#limit", "page >= this.#limit"]],
      ['this.#architecture.virtualRule === "sign-extended"', "true"],
      ["half === limit", "false"],
      ["this.#hasKernelRoot && this.#kernel !== null", ["true", "this.#hasKernelRoot || this.#kernel !== null"]],
      ["this.#kernel !== null", "true", "index >= this.#kernelFirst"],
      ["(end - base) / span", "(end - base) * span"],
      ["kind === ABSENT_ENTRY", "false"],
      ["depth < depths", "depth <= depths"],
      ["other !== context", "true"],
      ["index / entries", "index * entries"],
      ["leaf.entries > 1", ["true", "leaf.entries >= 1"]],
    ],
  },
  {
    file: `${PAGES}paging/hierarchical.ts`,
    why: "same",
    because: "formats of four bytes look at no upper half, and what is written back there is what was read",
    mutants: [
      ["storey.entryBytes === 4", "false", "return"],
      ["this.#last.entryBytes === 8", "true"],
      ["this.#last.entryBytes === 4", "false"],
    ],
  },
  {
    file: `${PAGES}paging/hierarchical.ts`,
    why: "speed",
    because: "the leaf table that was used last is found again from the root; a listener is asked for once more",
    mutants: [
      ["prefix !== this.#cachedPrefix || root !== this.#cachedRoot", "true"],
      ["entry >= 0", "false"],
      ["this.#entryOf(context, index);", ";"],
      ["this.#events.sink !== null", "true"],
      ['this.#events.sink?.({ kind: "map", space, page, frame })', 'this.#events.sink({ kind: "map", space, page, frame })'],
    ],
  },
  {
    file: `${PAGES}paging/hierarchical.ts`,
    why: "assertion",
    because: "descriptions are checked at the door: a tree has leaves at its last level and tables above",
    mutants: [
      ['throw new Error("not a hierarchical machine");', ";"],
      ['throw new Error("the last level maps no pages");', ";"],
      ['throw new Error("a level without tables leads to one");', ";"],
      ['throw new Error("a level without tables is asked for one");', ";"],
      ['architecture.translation.kind !== "hierarchical"', "false"],
      ["this.#last.codec.leaf === null", "false"],
      ["table === null", "false"],
      ["format === null", "false"],
    ],
  },
  {
    file: "packages/arch-sparc64/src/refill.ts",
    why: "same",
    because: "page 0 is not in the kernel's window, so frame 0 is none of its",
    mutants: [["frame >= 0", "frame > 0"]],
  },
  {
    file: "packages/arch-sparc64/src/tsb-pair.ts",
    why: "same",
    because: "whether cacheable pages get CV matters to what is written; this codec only reads",
    mutants: [["false", "true", "dataTte(false)"]],
  },
  {
    file: "packages/arch-riscv64/src/oracle.ts",
    why: "same",
    because: "a leaf that has no R has X: no R, W and X is a pointer, and W without R is refused",
    mutants: [['x === "1"', "true", "MXR"]],
  },
  {
    file: "packages/arch-riscv64/src/supervisor-registers.ts",
    why: "same",
    because: "a tree that software has built by itself belongs to no space; and every machine of the port has a tree",
    mutants: [
      ["false", "true", "new TranslationContext(NOBODYS"],
      ["-1", "+1", "NOBODYS"],
      ['translation.kind === "hierarchical"', "true"],
    ],
  },
  {
    file: "packages/arch-mips32/src/cp0.ts",
    why: "same",
    because: "no fault has the code of a miss, whose traces were left when it was taken; and no page has 1 byte",
    mutants: [
      ["fault.reason === NO_FAULT", "false"],
      ["shift < 0", "shift <= 0"],
    ],
  },
  {
    file: "packages/arch-mips32/src/cp0.ts",
    why: "speed",
    because: "one look at the array of entries, where that decides, saves looking at each",
    mutants: [
      ["!isGlobal && span <= tlb.smallestSpan", "false"],
      ["span <= tlb.smallestSpan", "span < tlb.smallestSpan"],
      ["found !== but", "false"],
      [
        "{ // Nothing smaller lies within: whoever overlaps matches the first page, so one look decides, unless it sees `but`. const found = tlb.probe(first, asid); if (found !== but) return found >= 0; }",
        "{}",
      ],
    ],
  },
  {
    file: "packages/arch-mips32/src/refill.ts",
    why: "same",
    because: "the first page of the kernel's half lies in kseg0, which no entry translates",
    mutants: [["machinePage >= this.#kernelFirst", "machinePage > this.#kernelFirst"]],
  },
  {
    file: "packages/arch-mips32/src/formats.ts",
    why: "same",
    because: "one bit is the same field as a number and as a pair of equal ones",
    mutants: [["high === low", "false", "bits: "]],
  },
  {
    file: "packages/arch-ia32/src/pae-registers.ts",
    why: "same",
    because: "a tree that software has built by itself belongs to no space: nobody asks for its number",
    mutants: [["-1", "+1", "NOBODYS"]],
  },
  {
    file: "packages/arch-arm64/src/el1-registers.ts",
    why: "same",
    because: "a tree that software has built by itself belongs to no space: nobody asks for its number",
    mutants: [["-1", "+1", "NOBODYS"]],
  },
  {
    file: "packages/arch-arm64/src/formats.ts",
    why: "same",
    because: "one bit is the same field as a number and as a pair of equal ones; and no output size is the size of a run of entries",
    mutants: [
      ["high === low", "false", "bits: "],
      ["shift + Math.log2(entries) < physicalBits", "shift + Math.log2(entries) <= physicalBits"],
    ],
  },
  {
    file: "packages/arch-arm64/src/oracle.ts",
    why: "same",
    because: "no bits are cut from above bit 47, and two bits have four values, all of which the tables have",
    mutants: [
      ["physicalBits < 48", ["true", "physicalBits <= 48"], "hasReserved"],
      ['["", ""]', "[]", "BELOW"],
      ['["", ""]', "[]", "DATA"],
    ],
  },
  {
    file: `${PAGES}tlb/near-walk.ts`,
    why: "same",
    because: "what is 4 GiB or more is no integer of 32 bits",
    mutants: [["table !== root", "true"]],
  },
  {
    file: `${PAGES}paging/hashed.ts`,
    why: "same",
    because: "what begins as something else is given its value before anybody asks, and what is no page is not found",
    mutants: [
      ["{ frame: 0, rights: 0, flags: 0 }", "{}"],
      ["[]", '["Stryker was here"]', "pages: number[]"],
    ],
  },
  {
    file: `${PAGES}paging/hashed.ts`,
    why: "speed",
    because: "pages that are few are probed one by one, and are found in the whole table as well",
    mutants: [
      ["context.mappedPages === 0", "false"],
      ["count <= this.hash.entries", ["false", "count < this.hash.entries"]],
      [
        "{ for (let page = first; page < first + count; page += 1) if (this.find(context, page) && !visit(page, this.found)) return; return; }",
        "{}",
      ],
    ],
  },
  {
    file: `${PAGES}paging/page-hash.ts`,
    why: "same",
    because:
      "a link that leads nowhere is 0, and one less than that is what none is called; chains beyond the last are empty; what is written twice is what was written last; and after four merges no chain is too many",
    mutants: [
      ["(low & 1) === 0", "false"],
      ["chain < this.chains", "chain <= this.chains"],
      ["slot < this.#used.length", "slot <= this.#used.length"],
      ["word < NEXT_WORD", "word <= NEXT_WORD"],
      ["merged += 1", "merged -= 1"],
      ["merged < FEWEST", ["true", "merged <= FEWEST"]],
    ],
  },
  {
    file: `${PAGES}paging/explain-tree.ts`,
    why: "same",
    because:
      "descriptions are checked at the door: every level has a format, pointers have no parts, and what is exact has no addresses above",
    mutants: [
      ["(level.leaf ?? level.table)?.bytes", "(level.leaf ?? level.table).bytes"],
      ['kind === "leaf"', "true", "const size"],
      ['architecture.virtualRule === "sign-extended"', "true"],
    ],
  },
  {
    file: `${PAGES}paging/explain-address.ts`,
    why: "same",
    because: "what is no window has no first byte: no address is its",
    mutants: [["[]", '["Stryker was here"]', "windows = []"]],
  },
  {
    file: `${PAGES}tlb/tlb.ts`,
    why: "speed",
    because:
      "a buffer that never becomes busy, or takes the longer way round, answers the same; so does one that looks at every entry instead of some, or asks about nothing",
    mutants: [
      ["(this.#sets.length & (this.#sets.length - 1)) === 0", "false"],
      ["this.#sets.length - 1", "this.#sets.length + 1", "=== 0 ?"],
      ['replacement === "used-bit"', "false", "#byUse"],
      ["page < index.plain && frame >= told.ramFirst && frame < told.ramEnd", "false"],
      ["frame >= told.ramFirst", "frame > told.ramFirst"],
      ["at === TOLD", "true"],
      ["heads[entry.page] === link", "false"],
      ["span === 1", "false"],
      ["chain !== 0", "true"],
      ["this.#index.valid === 0", "false"],
      ["count === 1", "false"],
      ["count <= PROBES", ["false", "count < PROBES"]],
      ["{ for (let each = page; each < page + count; each += 1) dropped += this.invalidatePage(each, asid); return dropped; }", "{}"],
      ["entry.at !== NOBODY", "true"],
      ["this.spans[0] === span", "false"],
      ["this.#calm > 0", ["true", "false", "this.#calm >= 0", "this.#calm <= 0"]],
      ["{ this.#calm -= 1; if (this.#calm === 0) this.#spread(); }", "{}"],
      ["this.#calm -= 1", "this.#calm += 1"],
      ["this.#calm === 0", "false"],
      ["this.#spread();", ";"],
    ],
  },
  {
    file: `${PAGES}tlb/tlb.ts`,
    why: "same",
    because:
      "no entries are no more than none that are wired; used bits mean something under one rule only; a size beyond the last has no entries; entries of different sizes that begin at one page never share a chain; one set is the remainder of everything",
    mutants: [
      ["entries < 1", "false"],
      ['replacement === "used-bit"', "true", "#servedFlags"],
      ["size < spans.length", "size <= spans.length"],
      ["entry.size !== size", "false"],
      ["this.#setMask >= 0", "this.#setMask > 0"],
    ],
  },
  {
    file: `${PAGES}tlb/tlb-index.ts`,
    why: "speed",
    because: "how many chains there are and who shares one, and whether fronts forget a page that nobody else knows",
    mutants: [
      ["span === 1", "false"],
      ["Math.max(4, Math.ceil(Math.log2(entries.length)) + 1)", "Math.min(4, Math.ceil(Math.log2(entries.length)) + 1)"],
      ["Math.ceil(Math.log2(entries.length)) + 1", "Math.ceil(Math.log2(entries.length)) - 1"],
      ["this.#inUse[size] === this.valid", "false"],
      ["{ return this.#inUse[size] === this.valid; }", "{}"],
      ["this.#lookAround();", ";"],
      ["link !== 0 && this.#entries[link - 1].page !== first", "false"],
      ["link !== 0", "link === 0", "while (link !== 0 && this.#entries[link - 1].page"],
      ["this.#inUse[size] === 0", "false"],
      ["link !== 0", "true", "return"],
      ["size === 0", "true"],
      ["first < this.#own", "first <= this.#own"],
    ],
  },
  {
    file: `${PAGES}tlb/tlb-index.ts`,
    why: "same",
    because:
      "a size beyond the last has no entries, an entry has one number, and entries of different sizes that begin at one page never share a chain",
    mutants: [
      ["size < this.#spans.length", "size <= this.#spans.length"],
      ["size < spans.length", "size <= spans.length"],
      ["entry.number < found.number", "entry.number <= found.number"],
      ["entry.size === size", "true"],
    ],
  },
  {
    file: `${PAGES}tlb/tlb-contents.ts`,
    why: "same",
    because: "what begins as something else is given its value before anybody asks",
    mutants: [["[]", '["Stryker was here"]']],
  },
  {
    file: `${PAGES}tlb/tlb-entry.ts`,
    why: "same",
    because: "what begins as something else is given its value before anybody asks",
    mutants: [
      ["[]", '["Stryker was here"]'],
      ["-1", "+1", "NOBODY"],
    ],
  },
  {
    file: `${PAGES}tlb/tlb-entry.ts`,
    why: "speed",
    because: "a front may always forget: what it knows nothing of",
    mutants: [["-1", "+1", "NO_FRONT"]],
  },
  {
    file: `${PAGES}tlb/told-fronts.ts`,
    why: "speed",
    because: "a front may always forget: what it knows nothing of, or what it knows of another entry",
    mutants: [
      ["{ return this.#fronts !== null; }", "{}"],
      ["this.#fronts !== null", "false"],
      ["((1 << (at >>> STARTS_SHIFT)) & fronts) === 0", "false"],
      ["at === TOLD", "true"],
      ["(entry.shown & fronts & (1 << front)) !== 0", "true"],
      ["entry.shown &= ~fronts", "entry.shown |= ~fronts"],
      ["entry.shown === 0", "false"],
      ["entry.at === NOBODY", "false"],
    ],
  },
  {
    file: `${PAGES}tlb/told-fronts.ts`,
    why: "same",
    because: "there is no seventh front, and without fronts nobody was told anything",
    mutants: [
      ["front < COUNT", "front <= COUNT"],
      ["this.#fronts?.drop", "this.#fronts.drop"],
      ["this.#fronts !== null", "true"],
    ],
  },
  {
    file: `${PAGES}tlb/victims.ts`,
    why: "speed",
    because: "the longer way to the same entry; a front forgets what it does not know",
    mutants: [
      ["set.vacant !== 0", "true"],
      ["entry.at === TOLD", "true"],
    ],
  },
];
