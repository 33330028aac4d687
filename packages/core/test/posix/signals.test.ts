/** What a process is sent for an access that is refused. */
import {
  FileObject,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MemoryPager,
  O_CREAT,
  O_RDWR,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  type Process,
} from "#src/index.js";
import { expect } from "chai";
import { machines } from "../fixture.js";
import { worldOn } from "./world.js";

const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

class Broken extends MemoryPager {
  override pageIn(): "EIO" {
    return "EIO";
  }
}

/** Signal and code of an access that gives no value. */
const sent = (process: Process, value: number | boolean): string => {
  expect(value === -1 || value === false).to.equal(true);
  return `${process.signal?.signal} ${process.signal?.code}`;
};

describe("signals", () => {
  for (const architecture of machines) {
    it(`C-25.2: say on ${architecture.name} why an access was refused, and where`, () => {
      const { machine, system, process, page, at } = worldOn(architecture, { memoryBytes: 96 * 2 ** architecture.pageShift });
      process.mmap(at(0), page, PROT_READ, ANONYMOUS);
      process.mmap(at(1), page, PROT_NONE, ANONYMOUS);
      expect(sent(process, process.read8(at(5, 9)))).to.equal("SIGSEGV SEGV_MAPERR");
      expect(process.signal?.address).to.equal(at(5, 9));
      expect(sent(process, process.write8(at(0, 3), 1))).to.equal("SIGSEGV SEGV_ACCERR");
      expect(process.signal?.address).to.equal(at(0, 3));
      expect(sent(process, process.read8(at(1)))).to.equal("SIGSEGV SEGV_ACCERR");
      expect([process.read8(at(0)), process.signal]).to.deep.equal([0, null]);
      if (architecture.can.forbidExecute) expect(sent(process, process.fetch32(at(0)))).to.equal("SIGSEGV SEGV_ACCERR");
      expect(process.mprotect(at(0), page, PROT_READ | PROT_EXEC)).to.equal(0);
      expect(process.fetch32(at(0))).to.equal(0);

      const file = process.open("short", O_CREAT | O_RDWR);
      process.ftruncate(file, page);
      process.mmap(at(2), 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file);
      expect(sent(process, process.write8(at(3), 1)), "beyond the end").to.equal("SIGBUS BUS_ADRERR");
      system.files.add("broken", new FileObject(machine.parts, new Broken(new Uint8Array(page)), { length: page }));
      process.mmap(at(4), page, PROT_READ, MAP_PRIVATE | MAP_FIXED, process.open("broken", O_RDWR));
      expect(sent(process, process.read8(at(4))), "unreadable").to.equal("SIGBUS BUS_ADRERR");

      process.mmap(at(100), 512 * page, PROT_READ | PROT_WRITE, ANONYMOUS);
      let written = 0;
      while (written < 512 && process.write8(at(100 + written), 1)) written += 1;
      expect(written).to.be.lessThan(512);
      expect(sent(process, false)).to.equal("SIGKILL SI_KERNEL");
      expect(process.munmap(at(100), 512 * page)).to.equal(0);
      expect(process.write8(at(2), 1)).to.equal(true);
    });
  }
});
