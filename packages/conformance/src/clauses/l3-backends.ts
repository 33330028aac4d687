/** L3: areas that show images and device memory. Every clause ends with the invariants. */
import { image, physical } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { at, RO, RW, RX, CONTENTS } from "../rig/desk.js";
import { refuses } from "../rig/rig.js";

export const backendClauses: readonly Clause[] = [
  {
    id: "L3.image.contents",
    rule: "An image shows the file's bytes, zeroes behind them, and nothing beyond its end, at any alignment; private writes stay private",
    source: "contract C-15.2, C-15.3; HD-09, HD-43",
    since: "1.0.0",
    traits: CONTENTS,
    check: at((desk) => {
      const size = Number(desk.bytes(1));
      const content = Uint8Array.from({ length: size * 2 + 100 }, (_, i) => (i * 7 + 3) % 251);
      const file = desk.machine.loadImage(content);
      for (const fileOffset of [0, 36]) {
        const segment = { lead: 0, fileOffset, fileSize: size + 50, memorySize: size * 2 + 8 };
        const page = fileOffset === 0 ? 0 : 8;
        desk.a.createArea({ base: desk.at(page), size: desk.bytes(3), flags: RO, backend: image(file, { ...segment, writable: false }) });
        const byte = (place: number): number => desk.machine.read8(desk.at(page) + BigInt(place), desk.looker);
        for (const place of [0, 1, size - 1, size, size + 49])
          same(byte(place), content[fileOffset + place], `byte ${place} of the segment at ${fileOffset}`);
        same([byte(size + 50), byte(size * 2 - 1), byte(size * 2 + 7)], [0, 0, 0], "bytes behind the file's");
        same(byte(size * 3 - 1), 0, "the tail of the last page");
      }
      desk.a.createArea({
        base: desk.at(16),
        size: desk.bytes(2),
        flags: RW,
        backend: image(file, { lead: 0, fileOffset: 0, fileSize: size * 2, memorySize: size * 2, writable: true }),
      });
      desk.write(16, 0x1234_5678);
      same(desk.read(16), 0x1234_5678, "a word written to a writable page of the image");
      same(desk.machine.read8(desk.at(0), desk.looker), content[0], "the file's own byte");
      file.close();
    }),
  },
  {
    id: "L3.image.kept-while-shown",
    rule: "Frames of an image stay while an area shows it, and go with the last user",
    source: "contract C-15.4; HD-44",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      const size = Number(desk.bytes(1));
      const free = desk.free;
      const file = desk.machine.loadImage(Uint8Array.from({ length: size }, () => 9));
      desk.a.createArea({
        base: desk.at(0),
        size: desk.bytes(1),
        flags: RX,
        backend: image(file, { lead: 0, fileOffset: 0, fileSize: size, memorySize: size, writable: false }),
      });
      file.close();
      same(desk.machine.read8(desk.at(0), desk.looker), 9, "a byte after the file was closed");
      desk.a.destroyArea(desk.at(0));
      same(desk.free, free, "free frames after the area went too");
    }),
  },
  {
    id: "L3.device.contents",
    rule: "Device memory shows the frames of its range and no others, is not resized, and its frames are not counted",
    source: "contract C-15.6; HD-51",
    since: "1.0.0",
    traits: CONTENTS,
    check: at((desk) => {
      const { memory } = desk.machine.parts;
      const size = desk.rig.pageSize;
      const base = (memory.firstFrame + memory.frameCount + 16) * size;
      memory.addRegion(base, size * 4);
      memory.write32(base + size, 0x5151);
      desk.a.createArea({ base: desk.at(0), size: desk.bytes(3), flags: RW, backend: physical(base, 2) });
      same(desk.read(1), 0x5151, "the second frame's word");
      holds(desk.write(0, 0x6161), "a write to the device is refused");
      same(memory.read32(base), 0x6161, "the device's word");
      same(desk.read(2), -1, "a page beyond the device");
      refuses("ERR_AREA_NOT_RESIZABLE", () => desk.a.resizeArea(desk.at(0), desk.bytes(1)), "resizing device memory");
      desk.a.destroyArea(desk.at(0));
      same(memory.read32(base), 0x6161, "the device's word after the area is gone");
    }),
  },
];
