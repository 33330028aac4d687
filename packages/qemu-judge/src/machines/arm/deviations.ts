/** Where QEMU's ARMs and our side part, and who has the manual on his side. */
import { dacrOf } from "@portolan/arch-arm";
import { EXECUTE, WRITE, type Random } from "@portolan/core";
import type { BlankCase, JudgedCase, JudgedQuery, Piece } from "../../case.js";
import { Words } from "../../mailbox.js";
import type { Actual } from "../../verdict/actual.js";
import type { Explanation } from "../../verdict/explanation.js";
import { firstWord } from "./window.js";

/** Fault status, bits 3:0. */
const TRANSLATION_SECTION = 0b0101;
const TRANSLATION_PAGE = 0b0111;
const DOMAIN_SECTION = 0b1001;
const DOMAIN_PAGE = 0b1011;
const WALK_ABORT_PAGE = 0b1110;
const PERMISSION_SECTION = 0b1101;
const PERMISSION_PAGE = 0b1111;
const ACCESS_FLAG = [0b0011, 0b0110];

const expectedStatus = ({ expected }: JudgedQuery): number | null =>
  expected.kind === "fault" && expected.report !== undefined ? expected.report.code & 15 : null;
const actualStatus = (actual: Actual): number | null => (actual.kind === "trap" ? actual.trap.code & 15 : null);

/** Physical address bits 39:36 and 35:32 of a supersection. */
const WIDE = 0x1e0 | 0xf0_0000;
const isSupersection = (first: number): boolean => (first & 0x4_0003) === 0x4_0002;
const isWide = (first: number): boolean => isSupersection(first) && (first & WIDE) !== 0;

/** It was let through: what was fetched may have been no slot's, and then it ended elsewhere. */
const wentOn = ({ address, access }: JudgedQuery, actual: Actual): boolean =>
  actual.kind === "physical" || (access === EXECUTE && actual.kind === "trap" && actual.trap.address !== address);

const domainOf = (first: number): number => (isSupersection(first) ? 0 : (first >>> 5) & 15);

/** Is the access in a domain that lets nobody in? 2 is reserved, and counts as that. */
const isClosed = (query: JudgedQuery, judged: JudgedCase, ttbcrN: number): boolean =>
  ((dacrOf(judged.switches) >>> (2 * domainOf(firstWord(judged, query, ttbcrN)))) & 1) === 0;

/** A page's domain and its descriptor: who is looked at first. */
const domainBeforePage = (id: string, ttbcrN: number, manual: string, follows: Explanation["follows"]): Explanation => ({
  id,
  says: "A second-level descriptor that is absent, or lies where nothing is, below a domain that is closed: QEMU reports the domain without having read the descriptor.",
  manual,
  follows,
  keepsMemory: true,
  matches: (query, actual, judged) =>
    [TRANSLATION_PAGE, WALK_ABORT_PAGE].includes(expectedStatus(query) ?? 0) &&
    actualStatus(actual) === DOMAIN_PAGE &&
    isClosed(query, judged, ttbcrN),
});

/** ARM926EJ-S: the manual says both. */
export const domainFirstOfV5 = domainBeforePage(
  "arm926.domain-before-second-level",
  0,
  "ARM926EJ-S TRM (DDI 0198D) §3.5: figure 3-13 fetches the page's descriptor first, §3.5.3 has the domain checked when the first level is there",
  "either",
);

/** @param ttbcrN as the case's machine has it: which root says in which domain an access is */
export const domainFirst = (ttbcrN: number): Explanation =>
  domainBeforePage(
    "arm.domain-before-second-level",
    ttbcrN,
    "ARM ARM (DDI 0100I) §B4.5, ARMv7-A ARM (DDI 0406C) §B3.19.6: the domain is checked after the walk, which ends with a translation fault",
    "portolan",
  );

export const unmarkedAndClosed = (ttbcrN: number): Explanation => ({
  id: "arm.domain-before-access-flag",
  says: "An access flag that is clear, in a domain that is closed: QEMU reports the domain.",
  manual: "ARMv7-A ARM (DDI 0406C) §B3.19.6: the flag is looked at within the walk, the domain after it",
  follows: "portolan",
  keepsMemory: true,
  matches: (query, actual, judged) =>
    ACCESS_FLAG.includes(expectedStatus(query) ?? 0) &&
    [DOMAIN_SECTION, DOMAIN_PAGE].includes(actualStatus(actual) ?? 0) &&
    isClosed(query, judged, ttbcrN),
});

/** Type 3 of the first level in the format of ARMv5, which we refuse there, and QEMU, if at all, in a page. */
const isFineTable = (query: JudgedQuery, actual: Actual, judged: JudgedCase): boolean =>
  expectedStatus(query) === TRANSLATION_SECTION &&
  (firstWord(judged, query, 0) & 3) === 3 &&
  (wentOn(query, actual) || [TRANSLATION_PAGE, DOMAIN_PAGE, PERMISSION_PAGE, WALK_ABORT_PAGE].includes(actualStatus(actual) ?? 0));

export const fineTable: Explanation = {
  id: "arm.fine-table",
  says: "A fine second-level table, with pages of 1 KiB: our machine, whose pages have 4 KiB, takes its descriptor for a malformed one.",
  manual: "ARM926EJ-S TRM (DDI 0198D) §3.2.3 and §3.2.6",
  follows: "qemu",
  matches: isFineTable,
};

export const fineTableOfV6: Explanation = {
  id: "arm.fine-table-of-armv6",
  says: "First-level descriptors of type 3 are reserved in the old format of ARMv6; QEMU still takes them for fine tables.",
  manual: "ARM1176JZF-S TRM (DDI 0301H) §6.11.1, figure 6-6; ARM1136JF-S TRM (DDI 0211) §6.11.1",
  follows: "portolan",
  matches: isFineTable,
};

/** Would the other reading, as one section in the domain that it names, be another? */
const isNotItsSection = (first: number, address: bigint): boolean =>
  ((first >>> 5) & 15) !== 0 || ((first >>> 20) & 15) !== Number((address >> 20n) & 15n);

export const supersectionOfOldFormat: Explanation = {
  id: "arm.supersection-of-old-format",
  says: "In the old format of ARMv6, bit 18 makes a supersection of a section; QEMU takes all of them for sections, as on ARMv5.",
  manual: "ARM1176JZF-S TRM (DDI 0301H) §6.11.1, figure 6-6; ARM1136JF-S TRM (DDI 0211) §6.11.1, figure 6.6",
  follows: "portolan",
  matches(query, actual, judged) {
    const first = firstWord(judged, query, 0);
    const isOther = isSupersection(first) && isNotItsSection(first, query.address);
    return isOther && (wentOn(query, actual) || [DOMAIN_SECTION, PERMISSION_SECTION].includes(actualStatus(actual) ?? 0));
  },
};

/** Most supersections of a case without the bits that lead QEMU away: so few are left to chance that they would never be judged. */
export const narrowed = (blank: BlankCase, random: Random): BlankCase => {
  const roots = [blank.root, blank.kernelRoot];
  const memory = blank.memory.map((piece): Piece => {
    if (!roots.includes(piece.at)) return piece;
    const words = new Words(piece.bytes.slice(), 4, "little");
    for (let index = 0; index < piece.bytes.length / 4; index += 1) {
      const word = Number(words.get(index));
      if (isWide(word) && random.below(8) > 0) words.set(index, word & ~WIDE);
    }
    return { at: piece.at, bytes: words.bytes };
  });
  return { ...blank, memory };
};

/** @param ttbcrN as above */
export const wideSupersection = (ttbcrN: number): Explanation => ({
  id: "arm.supersection-above-4-gib",
  says: "A supersection with physical address bits above 31: QEMU goes there, our machine has no such bits, and neither have the processors.",
  manual:
    "Cortex-A8 TRM (DDI 0344) §6.3: physical address bits 39:32 are not supported; ARMv7-A ARM (DDI 0406C) §B3.5.1: they are optional",
  follows: "portolan",
  matches: (query, actual, judged) => {
    if (!isWide(firstWord(judged, query, ttbcrN)) || query.expected.kind !== "physical") return false;
    // Nothing is there, which this board reads as 0, or executes until it ends elsewhere.
    if (actual.kind === "physical") return actual.physical === null && (query.access === WRITE || actual.value === 0n);
    return wentOn(query, actual);
  },
});

const isManaged = (query: JudgedQuery, judged: JudgedCase, ttbcrN: number): boolean =>
  ((dacrOf(judged.switches) >>> (2 * domainOf(firstWord(judged, query, ttbcrN)))) & 3) === 3;

/** @param ttbcrN as above */
export const unmarkedAndManaged = (ttbcrN: number): Explanation => ({
  id: "arm.access-flag-of-managers",
  says: "An access flag that is clear, in a domain that is managed: QEMU lets everything through, as if the flag were a permission.",
  manual:
    "ARMv7-A ARM (DDI 0406C) §B3.7.3, §B3.7.4, §B3.19.6: managers are spared the check of permissions; the flag is looked at before, within the walk",
  follows: "portolan",
  matches: (query, actual, judged) =>
    ACCESS_FLAG.includes(expectedStatus(query) ?? 0) && wentOn(query, actual) && isManaged(query, judged, ttbcrN),
});

export const unmarkedAndNever: Explanation = {
  id: "arm.execute-never-before-access-flag",
  says: "A fetch where the access flag is clear and XN set: QEMU reports the permission.",
  manual: "ARMv7-A ARM (DDI 0406C) §B3.19.6: the flag is looked at within the walk, permissions and XN after it",
  follows: "portolan",
  keepsMemory: true,
  matches: (query, actual) =>
    query.access === EXECUTE &&
    ACCESS_FLAG.includes(expectedStatus(query) ?? 0) &&
    [PERMISSION_SECTION, PERMISSION_PAGE].includes(actualStatus(actual) ?? 0),
};
