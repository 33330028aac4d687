/** L1: what an access to a page gives, and what it leaves behind, on every machine. */
import {
  ABSENT,
  BAD_ADDRESS,
  BUS,
  EXECUTE,
  KERNEL,
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  PAGE_USER,
  READ,
  USER,
  WRITE,
  type PageFlags,
} from "@portolan/core";
import { LOOKED_AT, ONCE, type Clause } from "../clause.js";
import { holds, same, show } from "../failure.js";
import { ACCESSES, inWords, PRIVILEGES, Scene, USER_ALL, USER_RW } from "../rig/scene.js";
import { userRightsOf } from "./l0-entries.js";

/** Permissions that areas can ask for, as page flags. */
const PERMISSIONS: readonly PageFlags[] = [READ, WRITE, READ | WRITE, EXECUTE, READ | EXECUTE];

const refused = (answer: object): boolean => "fault" in answer;

export const accessClauses: readonly Clause[] = [
  {
    id: "L1.rights.user-as-asked",
    rule: "The user reads, writes and fetches what a mapping was asked to permit, and nothing that the machine can forbid",
    source: "contract P-2.3, C-13.6",
    since: "1.0.0",
    traits: LOOKED_AT,
    check(rig) {
      const scene = new Scene(rig);
      PERMISSIONS.forEach((permission, i) => {
        const flags = permission | PAGE_USER | PAGE_CACHEABLE;
        const [page, frame] = [scene.first + i, scene.frame()];
        scene.map(page, frame, flags);
        const { least, most } = userRightsOf(rig.architecture, flags);
        for (const access of ACCESSES) {
          const answer = scene.look(page, access, USER);
          const what = `${inWords(access, USER)} of a page mapped for ${permission}`;
          if ((least & access) !== 0) same(answer, scene.at(frame), what);
          else if ((most & access) === 0) holds(refused(answer), `${what} is let through`);
          else holds(refused(answer) || show(answer) === show(scene.at(frame)), `${what} gives ${show(answer)}`);
        }
      });
    },
  },
  {
    id: "L1.rights.kernel-pages-are-the-kernels",
    rule: "The user has no access at all to a page of the kernel's, whatever it permits",
    source: "contract C-5.7, P-2.3",
    since: "1.0.0",
    traits: LOOKED_AT,
    check(rig) {
      const scene = new Scene(rig);
      const kernel = scene.machine.spaces.kernel.context;
      const context = rig.has("shared-kernel") ? kernel : scene.context;
      PERMISSIONS.forEach((permission, i) => {
        const page = rig.has("shared-kernel") ? scene.kernelPage(i) : scene.first + i;
        const frame = scene.frame();
        scene.map(page, frame, permission | PAGE_CACHEABLE, context);
        for (const access of ACCESSES) {
          if (rig.has("shared-kernel") && (permission & access) !== 0)
            same(scene.look(page, access, KERNEL), scene.at(frame), `${inWords(access, KERNEL)} of a kernel page mapped for ${permission}`);
          holds(
            refused(scene.look(page, access, USER)),
            `${inWords(access, USER)} of a kernel page mapped for ${permission} is let through`,
          );
        }
      });
    },
  },
  {
    id: "L1.rights.kernel-writes-obey",
    rule: "A write of the kernel to a page without the right to write is refused where the machine says so, and only there",
    source: "contract C-5.8; Intel SDM vol 3A §4.6.1 for CR0.WP",
    since: "1.0.0",
    traits: ["cold", "warm"],
    needs: ["kernel-obeys-write", "shared-kernel"],
    check(rig) {
      const { kernelObeysWrite } = rig.architecture.can;
      for (const setting of typeof kernelObeysWrite === "boolean" ? [null] : [false, true]) {
        const switches = setting === null || typeof kernelObeysWrite === "boolean" ? {} : { [kernelObeysWrite.switch]: setting };
        const scene = new Scene(rig, { switches });
        const [page, frame] = [scene.kernelPage(), scene.frame()];
        scene.map(page, frame, READ | PAGE_CACHEABLE, scene.machine.spaces.kernel.context);
        const answer = scene.look(page, WRITE, KERNEL);
        if (setting === false) same(answer, scene.at(frame), "kernel write to a read-only page while the switch is off");
        else holds(refused(answer), "kernel write to a read-only page is let through");
      }
    },
    otherwise: {
      rule: "A kernel that writes what it may not is said to",
      check: ({ architecture }) =>
        holds(architecture.can.kernelObeysWrite !== undefined, "the description says nothing of the kernel's writes"),
    },
  },
  {
    id: "L1.rights.execute-apart",
    rule: "A page that may be read is not executed unless it may be",
    source: "contract C-13.6",
    since: "1.0.0",
    traits: LOOKED_AT,
    needs: ["forbids-execute"],
    check(rig) {
      const scene = new Scene(rig);
      scene.map(scene.first, scene.frame(), USER_RW);
      holds(refused(scene.look(scene.first, EXECUTE, USER)), "a fetch from a page of data is let through");
    },
    otherwise: {
      rule: "A machine that cannot forbid execution lets every readable page be fetched from",
      check(rig) {
        const scene = new Scene(rig);
        const frame = scene.frame();
        scene.map(scene.first, frame, USER_RW);
        same(scene.look(scene.first, EXECUTE, USER), scene.at(frame), "a fetch from a page of data");
      },
    },
  },
  {
    id: "L1.rights.read-apart",
    rule: "A page that may be executed or written is not read unless it may be",
    source: "contract C-13.6",
    since: "1.0.0",
    traits: LOOKED_AT,
    needs: ["forbids-read"],
    check(rig) {
      const scene = new Scene(rig);
      scene.map(scene.first, scene.frame(), EXECUTE | PAGE_USER | PAGE_CACHEABLE);
      holds(refused(scene.look(scene.first, READ, USER)), "a read of a page to be executed only is let through");
    },
    otherwise: {
      rule: "A machine that cannot forbid reading lets every page of the user's be read",
      check(rig) {
        const scene = new Scene(rig);
        const frame = scene.frame();
        scene.map(scene.first, frame, WRITE | PAGE_USER | PAGE_CACHEABLE);
        same(scene.look(scene.first, READ, USER), scene.at(frame), "a read of a page to be written");
      },
    },
  },
  {
    id: "L1.fault.absent",
    rule: "An access to a page that nothing maps is refused as absent, also beside pages that are mapped",
    source: "contract C-5.7",
    since: "1.0.0",
    traits: LOOKED_AT,
    check(rig) {
      const scene = new Scene(rig);
      scene.map(scene.first + 1, scene.frame(), USER_ALL);
      scene.map(scene.first + 3, scene.frame(), USER_ALL);
      for (const page of [scene.first, scene.first + 2, scene.first + 4])
        for (const access of ACCESSES)
          same(scene.look(page, access, USER), scene.fault(ABSENT), `${inWords(access, USER)} of an absent page`);
    },
  },
  {
    id: "L1.fault.bus",
    rule: "A translation that leads where there is no memory is refused as a bus error",
    source: "contract C-1.3",
    since: "1.0.0",
    traits: ["cold", "warm"],
    check(rig) {
      const scene = new Scene(rig);
      const beyond = scene.machine.parts.memory.firstFrame + scene.machine.parts.memory.frameCount + 7;
      scene.map(scene.first, beyond, USER_RW);
      same(scene.look(scene.first, READ, USER), scene.fault(BUS), "a read where no memory is");
    },
  },
  {
    id: "L1.fault.hole",
    rule: "Addresses whose upper bits are no copies of the highest translated one are refused before any table is read",
    source: "contract C-3.3; AMD64 vol 2 §5.3.1, UltraSPARC User's Manual §6.3",
    since: "1.0.0",
    traits: ["cold", "warm"],
    needs: ["hole"],
    check(rig) {
      const scene = new Scene(rig);
      const { virtualBits, hardwarePageShift, wordBits } = rig.architecture;
      const half = 2 ** (virtualBits - 1 - hardwarePageShift);
      const end = 2 ** (wordBits - hardwarePageShift);
      for (const page of [half, half * 2, end - half - 1, end / 2, half * 2 + scene.first * rig.perPage])
        for (const privilege of PRIVILEGES)
          same(
            scene.raw(page, READ, privilege),
            scene.fault(BAD_ADDRESS),
            `${inWords(READ, privilege)} in the hole, at hardware page 0x${page.toString(16)}`,
          );
    },
    otherwise: {
      rule: "A machine without a hole translates the first and the last page of its width",
      check(rig) {
        same(rig.architecture.virtualBits, rig.architecture.wordBits, "translated bits");
      },
    },
  },
  {
    id: "L1.address.edges",
    rule: "The first page that may be mapped and the last of the user's translate like any other",
    source: "contract C-3.2, C-10.3",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const scene = new Scene(rig);
      const { units } = scene.machine.parts;
      const { user } = rig.architecture.layout;
      for (const page of [Math.max(1, units.pageOf(user.first)), units.pageOf(user.last)]) {
        const frame = scene.frame();
        scene.map(page, frame, USER_RW);
        for (let part = 0; part < rig.perPage; part += 1)
          same(scene.look(page, READ, USER, part), scene.at(frame, part), `a read of page 0x${page.toString(16)}, part ${part}`);
      }
    },
  },
  {
    id: "L1.address.every-bit-counts",
    rule: "Every bit of a virtual page number selects: pages that differ in one bit are different pages",
    source: "contract C-4.8",
    since: "1.0.0",
    traits: ["cold", "warm"],
    check(rig) {
      const scene = new Scene(rig);
      const { units } = scene.machine.parts;
      const last = units.pageOf(rig.architecture.layout.user.last);
      const low = units.pageOf(rig.architecture.layout.user.first);
      const frame = scene.frame();
      scene.map(scene.first, frame, USER_RW);
      for (let bit = 1; bit <= last; bit *= 2) {
        const other = Math.floor(scene.first / bit) % 2 === 1 ? scene.first - bit : scene.first + bit;
        if (other > last || other < low || !units.isCanonical(other)) continue;
        same(scene.look(other, READ, USER), scene.fault(ABSENT), `a page that differs in bit ${Math.log2(bit)} of the page number`);
      }
      same(scene.look(scene.first, READ, USER), scene.at(frame), "the page itself");
    },
  },
  {
    id: "L1.address.every-part",
    rule: "Each hardware page of a page shows its own part of the frame, and bytes keep their offset",
    source: "contract C-5.6; UltraSPARC User's Manual §6.2 for two parts of 8 KiB",
    since: "1.0.0",
    traits: LOOKED_AT,
    check(rig) {
      const scene = new Scene(rig);
      const frame = scene.frame();
      scene.map(scene.first, frame, USER_RW);
      const { memory } = scene.machine.parts;
      const hardware = rig.pageSize / rig.perPage;
      for (let part = 0; part < rig.perPage; part += 1) {
        same(scene.look(scene.first, READ, USER, part), scene.at(frame, part), `part ${part}`);
        for (let offset = 4; offset < hardware; offset *= 2) {
          const at = frame * rig.pageSize + part * hardware + offset;
          memory.write32(at, at % 0xffff_fff1);
          const word = scene.machine.on(scene.cpu.id, () => scene.cpu.load32(scene.first * rig.perPage + part, offset, USER));
          same(word, at % 0xffff_fff1, `the word at offset ${offset} of part ${part}`);
        }
      }
    },
  },
  {
    id: "L1.frame.every-bit-counts",
    rule: "Every bit of a physical page number arrives: the highest frame that the machine can address as well as the lowest",
    source: "contract C-1.1, P-1.2",
    since: "1.0.0",
    traits: ["cold", "warm"],
    check(rig) {
      const { physicalBits, pageShift } = rig.architecture;
      const scene = new Scene(rig);
      const { memory, frames } = scene.machine.parts;
      const top = 2 ** (physicalBits - pageShift);
      let page = scene.first;
      for (let frame = 1; frame <= top; frame *= 2) {
        const one = frame === top ? top - 1 : frame;
        if (frames.references(one) < 0 && !memory.isBacked(one * rig.pageSize)) memory.addRegion(one * rig.pageSize, rig.pageSize);
        scene.map(page, one, USER_RW);
        same(scene.look(page, READ, USER), scene.at(one), `a page of frame 0x${one.toString(16)}`);
        page += 1;
      }
    },
  },
  {
    id: "L1.marks.access-is-recorded",
    rule: "The first access marks the page as accessed, and a read does not mark it as written",
    source: "contract C-5.5, P-4.2",
    since: "1.0.0",
    traits: ["cold", "warm", "recycled"],
    needs: ["records-access"],
    check(rig) {
      const scene = new Scene(rig);
      const { tables } = scene.machine.parts;
      scene.map(scene.first, scene.frame(), USER_RW);
      holds(tables.find(scene.context, scene.first) && (tables.found.flags & (PAGE_ACCESSED | PAGE_DIRTY)) === 0, "a fresh page has marks");
      scene.look(scene.first, READ, USER);
      holds(tables.find(scene.context, scene.first), "the page is gone");
      same(tables.found.flags & PAGE_ACCESSED, PAGE_ACCESSED, "the mark of an access after a read");
      if (rig.has("records-write")) same(tables.found.flags & PAGE_DIRTY, 0, "the mark of a write after a read");
    },
    otherwise: {
      rule: "A machine that records no access leaves a page as it was",
      check(rig) {
        const scene = new Scene(rig);
        scene.map(scene.first, scene.frame(), USER_RW);
        scene.look(scene.first, READ, USER);
        scene.machine.parts.tables.find(scene.context, scene.first);
        same(scene.machine.parts.tables.found.flags & PAGE_ACCESSED, 0, "the mark of an access");
      },
    },
  },
  {
    id: "L1.marks.write-is-recorded",
    rule: "The first write marks the page as written, also after reads have brought it into the TLB",
    source: "contract C-5.5, P-4.2",
    since: "1.0.0",
    traits: LOOKED_AT,
    needs: ["records-write"],
    check(rig) {
      const scene = new Scene(rig);
      const { tables } = scene.machine.parts;
      scene.map(scene.first, scene.frame(), USER_RW);
      scene.look(scene.first, READ, USER);
      same("frame" in scene.raw(scene.first * rig.perPage, WRITE, USER), true, "a write to a writable page");
      holds(tables.find(scene.context, scene.first), "the page is gone");
      same(tables.found.flags & PAGE_DIRTY, PAGE_DIRTY, "the mark of a write");
    },
    otherwise: {
      rule: "A machine that records no write leaves a page as it was",
      check(rig) {
        const scene = new Scene(rig);
        scene.map(scene.first, scene.frame(), USER_RW);
        scene.look(scene.first, WRITE, USER);
        scene.machine.parts.tables.find(scene.context, scene.first);
        same(scene.machine.parts.tables.found.flags & PAGE_DIRTY, 0, "the mark of a write");
      },
    },
  },
  {
    id: "L1.marks.refusal-records-nothing",
    rule: "An access that is refused leaves no mark",
    source: "contract C-5.5",
    since: "1.0.0",
    traits: ["cold"],
    check(rig) {
      const scene = new Scene(rig);
      const { tables } = scene.machine.parts;
      scene.map(scene.first, scene.frame(), READ | PAGE_USER | PAGE_CACHEABLE);
      const answer = scene.look(scene.first, WRITE, USER);
      holds(refused(answer), "a write to a read-only page is let through");
      tables.find(scene.context, scene.first);
      same(tables.found.flags & PAGE_DIRTY, 0, "the mark of a write that was refused");
      if (rig.has("hardware-marks")) same(tables.found.flags & PAGE_ACCESSED, 0, "the mark of an access that was refused");
    },
  },
  {
    id: "L1.kernel.one-half-for-all",
    rule: "What the kernel maps is seen through every space there is, and through every later one",
    source: "contract C-4.10",
    since: "1.0.0",
    traits: LOOKED_AT,
    needs: ["shared-kernel"],
    check(rig) {
      const scene = new Scene(rig);
      const [page, frame] = [scene.kernelPage(), scene.frame()];
      scene.map(page, frame, READ | WRITE | PAGE_CACHEABLE, scene.machine.spaces.kernel.context);
      same(scene.look(page, READ, KERNEL), scene.at(frame), "a kernel page, through a space that was there before");
      scene.machine.switchTo(scene.machine.spaces.create(), scene.cpu.id);
      same(scene.look(page, READ, KERNEL), scene.at(frame), "a kernel page, through a space that came later");
    },
    otherwise: {
      rule: "A kernel with a space of its own sees that whatever the user's space is, and never the user's",
      check(rig) {
        const scene = new Scene(rig);
        const frame = scene.frame();
        const page = scene.kernelPage();
        scene.map(page, scene.frame(), USER_RW);
        scene.map(page, frame, READ | WRITE | PAGE_CACHEABLE, scene.machine.spaces.kernel.context);
        same(scene.look(page, READ, KERNEL), scene.at(frame), "a kernel page");
        scene.machine.switchTo(scene.machine.spaces.create(), scene.cpu.id);
        same(scene.look(page, READ, KERNEL), scene.at(frame), "a kernel page after a switch");
      },
    },
  },
];
