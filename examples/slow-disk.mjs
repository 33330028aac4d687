/**
 * Two guests map one file on a slow disk. A page that has not come yet ends an access with what to wait for; the guest
 * sleeps, others go on, and the access is made again when the page is there.
 *
 *     node examples/slow-disk.mjs
 */
import { AREA_CACHEABLE, AREA_READ, AREA_WRITE, buildMachine, DevicePager, file, FileObject, loadArchitecture } from "@portolan/core";

// A disk that answers some ticks after it was asked.
const content = Uint8Array.from({ length: 8 * 4096 }, (_, i) => 65 + Math.floor(i / 4096));
const busy = [];
const disk = {
  blockBytes: 512,
  blocks: content.length / 512,
  read(first, bytes, done) {
    busy.push({ ticks: 3, end: () => (bytes.set(content.subarray(first * 512, first * 512 + bytes.length)), done(true)) });
  },
  write(first, bytes, done) {
    busy.push({ ticks: 5, end: () => (content.set(bytes, first * 512), done(true)) });
  },
};

const machine = buildMachine(await loadArchitecture("abs32le", (name) => import(name)), { cpus: 2 });
const shared = new FileObject(machine.parts, new DevicePager(disk), { length: content.length });
const log = [];
const guests = ["Ada", "Ben"].map((name, cpu) => {
  const space = machine.spaces.create();
  machine.switchTo(space, cpu);
  space.createArea({ base: 0x10000, size: content.length, flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE, backend: file(shared) });
  return { name, cpu, isAsleep: false, page: 0, read: "" };
});

/** What a guest does in a tick: it reads a byte of its next page, and writes one beside it. */
const step = (guest, tick) => {
  const address = 0x10000 + guest.page * 4096;
  const value = machine.read8(address, guest.cpu);
  if (value >= 0 && machine.write8(address + 1 + guest.cpu, 97 + guest.page, guest.cpu)) {
    guest.read += String.fromCharCode(value);
    guest.page += 1;
    return;
  }
  const { waitsFor } = machine.outcome; // undefined would mean that the access is refused for good
  guest.isAsleep = true;
  log.push(`tick ${tick}: ${guest.name} waits for page ${guest.page}`);
  waitsFor.whenOver(() => (guest.isAsleep = false));
};

let tick = 0;
for (; guests.some(({ page }) => page < 4); tick += 1) {
  for (const transfer of busy.slice()) if ((transfer.ticks -= 1) === 0) busy.splice(busy.indexOf(transfer), 1)[0].end();
  for (const guest of guests) if (!guest.isAsleep && guest.page < 4) step(guest, tick);
}
console.log(log.join("\n"));
for (const { name, read } of guests) console.log(`${name} read ${read}`);

const flush = shared.flush();
console.log(`${flush.pending} dirty pages on their way after ${tick} ticks`);
for (const { end } of busy.splice(0)) end();
console.log(`kept ${flush.written}: page 2 begins with ${String.fromCharCode(...content.subarray(2 * 4096, 2 * 4096 + 3))}`);
