/**
 * A test that swaps parts of a machine: its ASID policy, its frames, its locks, and where its events go.
 *
 *     node examples/swap-a-part.mjs [sparc64 | abs32le | ia32]
 */
import { anonymous, ASID_POLICY, buildMachine, Events, EVENTS, FRAMES, loadArchitecture, Locks, LOCKS } from "@portolan/core";
import { AREA_CACHEABLE, AREA_READ, AREA_WRITE, PortolanError } from "@portolan/core";

const architecture = await loadArchitecture(process.argv[2] ?? "sparc64", (name) => import(name));
const page = 2 ** architecture.pageShift;

/** Frames that run out when the test says so. All else is asked of the allocator that would have been there. */
let left = Infinity;
const counted = (frames) =>
  new Proxy(frames, {
    get(target, name) {
      if (String(name).startsWith("take") && (left -= 1) < 0) throw new PortolanError("ERR_OUT_OF_FRAMES");
      return typeof target[name] === "function" ? target[name].bind(target) : target[name];
    },
  });

/** Everybody shares one ASID; whoever comes in finds the TLBs emptied. Slow, and simple enough to be right. */
const oneForAll = ({ first }, cpus) => ({
  stolen: 0,
  switch(from, to) {
    if (from !== null) from.installedOn -= 1;
    to.installedOn += 1;
    if (!to.isKernel) to.asid = first;
    for (const cpu of cpus()) cpu.invalidateAsid(first);
  },
  release: (context) => void (context.asid = architecture.asids.invalid),
});

/** What the test hears. */
const [taken, pagesIn] = [[], []];
const locks = new Locks();
locks.discipline = { acquire: (kind) => void taken.push(kind), release() {}, assertHeld() {}, assertNoneHeld() {} };
const events = new Events();
events.sink = (event) => void (event.kind === "page-in" && pagesIn.push(`space ${event.space}`));

const machine = buildMachine(architecture, {}, (parts) => {
  parts.register(FRAMES, (get, usual) => counted(usual())); // wraps the usual part…
  parts.register(ASID_POLICY, () => oneForAll(architecture.asids, () => machine.cpus)); // …or takes its place
  parts.register(LOCKS, () => locks);
  parts.register(EVENTS, () => events);
});

const spaces = [machine.spaces.create(), machine.spaces.create()];
const flags = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
for (const space of spaces) space.createArea({ base: 0x100000, size: 4 * page, flags, backend: anonymous });
for (const [i, space] of [...spaces, ...spaces].entries()) {
  machine.switchTo(space);
  if (i < 2) machine.write32(0x100000, 100 + i);
  else console.log(`space ${space.id} has ASID ${space.context.asid} and reads ${machine.read32(0x100000)}`);
}
// Memory runs out; nothing is lost, and the same write succeeds when there is some again.
for (left of [0, Infinity]) console.log(`${left} frames left: ${machine.write32(0x100000 + page, 1) ? "written" : machine.outcome.rule}`);
console.log(`pages came into: ${pagesIn.join(", ")}`);
console.log(`kinds of locks taken: ${[...new Set(taken)].join(", ")}`);
