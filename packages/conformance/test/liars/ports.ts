/** Ports with one lie each in what they say of their machine. */
import { ABSENT, EXECUTE, READ, rightsFor, WRITE, type EntryFormat, type Rule } from "@portolan/core";
import { fieldWith, leafWith, levelWith, port, tree, type Liar } from "./liar.js";

const encoding = (leaf: EntryFormat, more: Readonly<Record<string, number>>): Partial<EntryFormat> => ({
  encode: (flags, switches) => ({ ...leaf.encode?.(flags, switches), ...more }),
});

/** Two fields that have changed places, in the rules that read them too. */
const swapped = (format: EntryFormat, one: string, other: string): Partial<EntryFormat> => {
  const bits = (name: string) => format.fields.find((field) => field.name === name)?.bits ?? 0;
  const fields = fieldWith(fieldWith(format.fields, one, { bits: bits(other) }), other, { bits: bits(one) });
  const reading = <T>(rule: Rule<T>): Rule<T> => ({
    ...rule,
    reads: rule.reads.map((read) => fields.find(({ name }) => name === read.name) ?? read),
  });
  return {
    fields,
    ...(format.rights === undefined ? {} : { rights: reading(format.rights) }),
    ...(format.attributes === undefined ? {} : { attributes: reading(format.attributes) }),
  };
};

const SECOND = "L0.codec.agrees-with-second-decoder";

export const lyingPorts: readonly Liar[] = [
  port("ia32", "R/W and U/S of a page-table entry have changed places", "architectures with bits miscounted", SECOND, (m) =>
    leafWith(m, (leaf) => swapped(leaf, "R/W", "U/S")),
  ),
  port("ia32", "accessed and dirty have changed places", "qemu-style mix-ups", SECOND, (m) =>
    leafWith(m, (leaf) => swapped(leaf, "A", "D")),
  ),
  port("abs32le", "G and C have changed places", "a table of bits copied in the wrong order", SECOND, (m) =>
    leafWith(m, (leaf) => swapped(leaf, "G", "C")),
  ),
  port("ia32", "the user needs no U/S bit", "aplus#44, v86#648", "L0.entry.user-rights-as-asked", (m) =>
    leafWith(m, (leaf) => ({
      rights: {
        reads: leaf.rights?.reads ?? [],
        tell: (values) => {
          const may = READ | EXECUTE | (values["R/W"] === 1 ? WRITE : 0);
          return rightsFor(may, may);
        },
      },
    })),
  ),
  port("ia32", "pages that may not be written may be", "HelenOS ppc32: no protection at all", "L0.entry.user-rights-as-asked", (m) =>
    leafWith(m, (leaf) => encoding(leaf, { "R/W": 1 })),
  ),
  port(
    "abs32le",
    "a page that is asked to be global is not",
    "HelenOS mips32: G is never effective",
    "L0.entry.attributes-read-back",
    (m) => leafWith(m, (leaf) => encoding(leaf, { G: 0 })),
  ),
  port("ia32", "cacheable pages are marked as not cached", "a sense turned round", "L0.entry.attributes-read-back", (m) =>
    leafWith(m, (leaf) => ({ encode: (flags, switches) => ({ ...leaf.encode?.(flags, switches), PCD: (flags & 32) === 0 ? 0 : 1 }) })),
  ),
  port("abs32le", "a fresh page counts as written", "HelenOS page_ht: marks of new entries undefined", "L0.entry.fresh-is-clean", (m) =>
    leafWith(m, (leaf) => encoding(leaf, { D: 1 })),
  ),
  port("abs32le", "a fresh page counts as accessed", "HelenOS page_ht: marks of new entries undefined", "L0.entry.fresh-is-clean", (m) =>
    leafWith(m, (leaf) => encoding(leaf, { A: 1 })),
  ),
  port("ia32", "the frame is one bit shorter", "HelenOS amd64: frames above 4 GiB mis-encoded", "L0.entry.address-reads-back", (m) =>
    leafWith(m, (leaf) => ({
      fields: [...fieldWith(leaf.fields, "page frame", { bits: [30, 12] }), { name: "bit 31", bits: 31, role: "ignored", says: "ignored" }],
    })),
  ),
  port("abs32le", "a pointer restricts what its leaves permit", "rights in pointers that nobody set", "L0.entry.pointers-permit-all", (m) =>
    levelWith(m, 0, ({ table }) =>
      table === undefined ? {} : { table: { ...table, rights: { reads: [], tell: () => rightsFor(7, READ) } } },
    ),
  ),
  port("abs32le", "every word is a leaf", "an entry that is never absent", "L0.entry.zero-is-absent", (m) =>
    levelWith(m, -1, ({ kind }) => ({ kind: { reads: kind.reads, tell: () => "leaf" } })),
  ),
  port("abs32le", "the root's pointers map pages", "HelenOS arm32: bit 4 of a first-level descriptor", "L0.description.sound", (m) =>
    levelWith(m, 0, ({ kind, table }) => ({
      kind: { reads: kind.reads, tell: (values) => (values["V"] === 1 ? "leaf" : "absent") },
      ...(table === undefined ? {} : { leaf: table }),
    })),
  ),
  port("ia32", "reserved bits of a 4 MiB page are free", "riscv-arch-test#2249, cva6#3420", SECOND, (m) =>
    levelWith(m, 0, ({ leaf }) =>
      leaf === undefined ? {} : { leaf: { ...leaf, fields: fieldWith(leaf.fields, "reserved", { role: "ignored" }) } },
    ),
  ),
  port(
    "ia32",
    "a 4 MiB page is one while CR4.PSE is clear too",
    "HelenOS: control registers not modelled",
    "L0.codec.agrees-under-every-switch",
    (m) =>
      levelWith(m, 0, ({ kind }) => ({
        kind: { reads: kind.reads, tell: (values) => (values["P"] !== 1 ? "absent" : values["PS"] === 1 ? "leaf" : "table") },
      })),
  ),
  port("ia32", "the kernel obeys R/W only while CR0.WP is clear", "kvm-unit-tests access.c", SECOND, (m) =>
    leafWith(m, (leaf) => ({
      rights: {
        reads: leaf.rights?.reads ?? [],
        tell: (values, switches) => leaf.rights?.tell(values, { ...switches, WP: !switches["WP"] }) ?? 0,
      },
    })),
  ),
  port("ia32", "a large page starts one bit lower", "cvw#526, gem5#1235", SECOND, (m) =>
    levelWith(m, 0, ({ leaf }) =>
      leaf === undefined
        ? {}
        : {
            leaf: { ...leaf, fields: fieldWith(fieldWith(leaf.fields, "page frame", { bits: [31, 21] }), "reserved", { bits: [20, 13] }) },
          },
    ),
  ),
  port("abs32le", "reserved bits are ignored", "riscv-arch-test#2249, sail-riscv#1595", "L1.vectors.published", (m) => ({
    translation: { ...tree(m), faultsOnReserved: false },
  })),
  port("abs32le", "words lie in memory the other way round", "mips32: the big-endian layout mirrored", "L1.vectors.published", () => ({
    byteOrder: "big",
  })),
  port(
    "abs32le",
    "the report says the kernel did what the user did",
    "a bit of the error code turned round",
    "L0.faults.decode-inverts-report",
    ({ faults }) => ({
      faults: { ...faults, report: (reason, access, privilege) => faults.report(reason, access, privilege === 0 ? 1 : 0) },
    }),
  ),
  port(
    "abs32le",
    "the report of an absent page says that it was there",
    "PCSX2#14847: endless refill",
    "L0.faults.decode-inverts-report",
    ({ faults }) => ({
      faults: { ...faults, decode: (report) => ({ ...faults.decode(report), absent: false }) },
    }),
  ),
  port(
    "sparc64",
    "handlers are told a read where a miss does not tell",
    "illumos-gate: the access guessed",
    "L0.faults.told-agrees-with-report",
    ({ faults }) => ({
      faults: { ...faults, told: (reason, access, privilege) => (reason === ABSENT ? access : faults.told(reason, access, privilege)) },
    }),
  ),
  port("abs32le", "the kernel's number is a user's", "zephyr#113569", "L0.description.sound", ({ asids }) => ({
    asids: { ...asids, first: 0 },
  })),
  port(
    "ia32",
    "pages can be forbidden to be executed",
    "HelenOS arm64: executable pages inverted",
    "L1.rights.execute-apart",
    ({ can }) => ({ can: { ...can, forbidExecute: true } }),
  ),
  port("abs32le", "nothing can be forbidden to be executed", "a capability left out", "L1.rights.execute-apart", ({ can }) => ({
    can: { ...can, forbidExecute: false },
  })),
  port("ia32", "pages can be forbidden to be read", "HD-32", "L1.rights.read-apart", ({ can }) => ({ can: { ...can, forbidRead: true } })),
  port("ia32", "the kernel always obeys R/W", "HelenOS: CR0.WP is never set", "L1.rights.kernel-writes-obey", ({ can }) => ({
    can: { ...can, kernelObeysWrite: true },
  })),
  port("abs32le", "accesses are not recorded by anybody", "xv6-riscv#38", "L1.vectors.published", ({ can }) => ({
    can: { ...can, recordAccess: "no", recordWrite: "no" },
  })),
];
