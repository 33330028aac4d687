/** A pager may do what it likes: the task that waits is told, the pager is told, nothing is lost and the machine goes on. */
import { expect } from "chai";
import { assertInvariants, type AddressSpace, type FileObject, type Machine, type PageInRequest } from "#src/index.js";
import { installed, paper, PAGE, refuses, RO } from "../fixture.js";
import { mapFile, openFile, pattern, ScriptedPager } from "./fixture.js";

describe("pagers that misbehave", () => {
  let machine: Machine;
  let space: AddressSpace;
  let pager: ScriptedPager;
  let file: FileObject;
  let free: number;
  const at = (page: number): number => (16 + page) * PAGE;
  beforeEach(() => {
    machine = paper();
    space = installed(machine);
    pager = new ScriptedPager();
    file = openFile(machine, pager, 4 * PAGE);
    mapFile(space, file, 16, 4, { flags: RO });
    free = machine.parts.frames.free;
  });
  afterEach(() => assertInvariants(machine));

  const isUnreadable = (page = 0): void => {
    expect(machine.read32(at(page))).to.equal(-1);
    expect(machine.outcome).to.include({ rule: "the page could not be read" });
    expect(machine.outcome).not.to.have.property("waitsFor");
    expect(machine.parts.frames.free, "the reserved frame is back").to.equal(free);
    expect(file.cache.pages).to.equal(0);
  };

  const atOnce: Record<string, [answer: () => unknown, complaint: string]> = {
    throws: [
      () => {
        throw new Error("disk on fire");
      },
      "ERR_PAGER_FAILED",
    ],
    "throws something that is no error": [
      () => {
        throw "a word";
      },
      "ERR_PAGER_FAILED",
    ],
    "answers absent within the file": [() => "absent", "ERR_PAGER_PAGE"],
    "answers nothing": [() => undefined, "ERR_PAGER_PAGE"],
    "answers null": [() => null, "ERR_PAGER_PAGE"],
    "answers a promise": [() => Promise.resolve(new Uint8Array(PAGE)), "ERR_PAGER_PAGE"],
    "answers a word that is no failure": [() => "EWHATEVER", "ERR_PAGER_PAGE"],
    "answers an array that is no bytes": [() => Array.from({ length: PAGE }, () => 0), "ERR_PAGER_PAGE"],
    "answers a short page": [() => new Uint8Array(PAGE - 1), "ERR_PAGER_PAGE"],
    "answers an empty page": [() => new Uint8Array(0), "ERR_PAGER_PAGE"],
    "answers a long page": [() => new Uint8Array(PAGE + 1), "ERR_PAGER_PAGE"],
  };
  for (const [what, [answer, code]] of Object.entries(atOnce)) {
    it(`that ${what}: the task is told that the page could not be read, and the next access asks again`, () => {
      pager.pageInAnswer = answer;
      isUnreadable();
      expect(file.complaint).to.have.property("code", code);
      isUnreadable();
      expect(pager.asked).to.have.length(2);
      pager.pageInAnswer = () => pattern(PAGE);
      expect(machine.read8(at(0) + 5)).to.equal(pattern(PAGE)[5]);
    });
  }

  it("CZ-60: that fails cannot stop the machine: other tasks and other pages go on", () => {
    pager.pageInAnswer = ({ offset }: PageInRequest) => {
      if (offset === 1) throw new Error("bad sector");
      return pattern(PAGE, offset);
    };
    expect(machine.read8(at(0))).to.equal(pattern(1, 0)[0]);
    expect(machine.read8(at(1))).to.equal(-1);
    expect(machine.read8(at(2))).to.equal(pattern(1, 2)[0]);
    expect(machine.read8(at(900))).to.equal(-1);
    expect(machine.outcome?.rule).to.equal("no area at this address");
  });

  for (const [failure, rule] of [
    ["EIO", "the page could not be read"],
    ["ENOMEM", "out of memory"],
    ["EBUS", "the area's memory has no such page"],
  ] as const) {
    it(`may fail with ${failure}, at once or later: ${rule}`, () => {
      pager.pageInAnswer = () => failure;
      expect(machine.read32(at(0))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal(rule);
      expect(file.complaint, "that is no misbehaviour").to.equal(null);
      pager.pageInAnswer = () => "later";
      expect(machine.read32(at(0))).to.equal(-1);
      const { waitsFor } = machine.outcome ?? {};
      expect(pager.asked[1].fail(failure)).to.equal(true);
      expect(waitsFor).to.include({ state: "failed", failure });
      expect(machine.read32(at(0)), "who waited is told").to.equal(-1);
      expect(machine.outcome?.rule).to.equal(rule);
      expect(pager.asked).to.have.length(2);
      expect(machine.read32(at(0)), "and then it is asked for again").to.equal(-1);
      expect(pager.asked).to.have.length(3);
      expect(machine.outcome?.rule).to.equal("the page is on its way");
    });
  }

  it("that answers twice is told so each time, whatever the second answer is", () => {
    machine.read32(at(0));
    const [request] = pager.asked;
    expect(request.isOpen).to.equal(true);
    expect(request.answer(pattern(PAGE))).to.equal(true);
    expect(request.isOpen).to.equal(false);
    refuses("ERR_PAGER_ANSWERED", () => request.answer(pattern(PAGE, 9)));
    refuses("ERR_PAGER_ANSWERED", () => request.fail("EIO"));
    expect(machine.read8(at(0)), "the first answer counts").to.equal(pattern(1)[0]);
    machine.read32(at(1));
    pager.asked[1].fail("EIO");
    refuses("ERR_PAGER_ANSWERED", () => pager.asked[1].answer(pattern(PAGE)));
    refuses("ERR_PAGER_ANSWERED", () => pager.asked[1].fail("EIO"));
    expect(machine.read32(at(1))).to.equal(-1);
  });

  it("that changes its mind within one call: the first answer counts, the second is complained of", () => {
    pager.pageInAnswer = (request) => {
      request.answer(pattern(PAGE));
      return "EIO";
    };
    expect(machine.read8(at(0))).to.equal(pattern(1)[0]);
    expect(file.complaint).to.have.property("code", "ERR_PAGER_ANSWERED");
    pager.pageInAnswer = (request) => {
      request.fail("EIO");
      return pattern(PAGE);
    };
    expect(machine.read8(at(1))).to.equal(-1);
    expect(machine.outcome?.rule).to.equal("the page could not be read");
    pager.pageInAnswer = (request) => {
      request.answer(pattern(PAGE, 3));
      throw new Error("and then this");
    };
    expect(machine.read8(at(2))).to.equal(pattern(1, 3)[0]);
    pager.pageInAnswer = (request) => {
      request.answer(pattern(PAGE, 4));
      return "later";
    };
    expect(machine.read8(at(3)), "later means not by what it returns").to.equal(pattern(1, 4)[0]);
  });

  it("that shows other bytes each time it is asked is asked once while the page stays", () => {
    let seed = 0;
    pager.pageInAnswer = () => pattern(PAGE, (seed += 1));
    expect(machine.read8(at(0))).to.equal(1);
    expect(machine.read8(at(0))).to.equal(1);
    expect(file.read(0, new Uint8Array(PAGE))).to.equal(PAGE);
    expect(pager.asked).to.have.length(1);
  });

  it("that later answers with no page is told what is wrong with it, and the task that it could not be read", () => {
    for (const [i, wrong] of [new Uint8Array(PAGE - 1), new Uint8Array(PAGE + 1), "bytes" as unknown as Uint8Array].entries()) {
      machine.read32(at(0));
      expect(machine.outcome?.rule).to.equal("the page is on its way");
      refuses("ERR_PAGER_PAGE", () => pager.asked[i].answer(wrong));
      isUnreadable();
    }
    machine.read32(at(0));
    refuses("ERR_BAD_ARGUMENT", () => pager.asked[3].fail("ENOTHING" as "EIO"));
    isUnreadable();
  });

  it("that answers after its object has gone is told that nobody wants it, and nothing happens", () => {
    machine.read32(at(0));
    machine.read32(at(1));
    const { waitsFor } = machine.outcome ?? {};
    space.destroyArea(at(0));
    file.close();
    expect(file.isGone).to.equal(true);
    expect(waitsFor?.state).to.equal("given up");
    expect(pager.released).to.equal(1);
    expect(pager.asked.map(({ isOpen }) => isOpen)).to.deep.equal([false, false]);
    expect(pager.asked[0].answer(pattern(PAGE))).to.equal(false);
    expect(pager.asked[1].fail("EIO")).to.equal(false);
    expect(pager.asked[1].fail("EIO"), "however often").to.equal(false);
    assertInvariants(machine);
    expect(machine.parts.files.size).to.equal(0);
  });

  it("that throws while it is released has been released all the same", () => {
    pager.releasing = () => {
      throw new Error("not now");
    };
    space.destroyArea(at(0));
    file.close();
    expect(file.isGone).to.equal(true);
    expect(file.complaint).to.have.property("code", "ERR_PAGER_FAILED");
    expect(machine.parts.files.size).to.equal(0);
  });

  it("that never answers: who loses patience gives up for all who wait, and the frame comes back", () => {
    machine.read32(at(0));
    const { waitsFor } = machine.outcome ?? {};
    expect(machine.parts.frames.free).to.equal(free - 1);
    let woken = 0;
    waitsFor?.whenOver(() => (woken += 1));
    waitsFor?.giveUp();
    waitsFor?.giveUp();
    expect(woken).to.equal(1);
    isUnreadable();
    expect(pager.asked[0].answer(pattern(PAGE)), "too late").to.equal(false);
    expect(machine.read32(at(0))).to.equal(-1);
    expect(machine.outcome?.rule).to.equal("the page is on its way");
  });

  it("that never answers cannot hold a space back: it is destroyed, and the pages go with the file", () => {
    for (let page = 0; page < 4; page += 1) machine.read32(at(page));
    machine.switchToKernel();
    space.destroy();
    assertInvariants(machine);
    file.close();
    expect(file.isGone).to.equal(true);
    expect(machine.parts.frames.free, "the area's frames and tables as well").to.be.at.least(free);
    expect(machine.parts.transfers.untold).to.equal(0);
  });

  it("CZ-56: that touches memory which it has to bring in itself waits like anybody else, and does not stop the machine", () => {
    const inner: string[] = [];
    pager.pageInAnswer = ({ offset }) => {
      if (offset < 2) {
        machine.read32(at(offset), 0);
        inner.push(machine.outcome?.rule ?? "served");
        machine.read32(at(offset + 1), 0);
        inner.push(machine.outcome?.rule ?? "served");
      }
      return pattern(PAGE, offset);
    };
    expect(machine.read8(at(0))).to.equal(pattern(1, 0)[0]);
    expect(inner).to.deep.equal(["the page is on its way", "the page is on its way", "served", "served"]);
    expect(machine.read8(at(1))).to.equal(pattern(1, 1)[0]);
    expect(pager.asked.map(({ offset }) => offset)).to.deep.equal([0, 1, 2]);
  });

  it("that throws the page out again each time before it is mapped is not asked for ever", () => {
    pager.pageInAnswer = (request) => {
      request.answer(pattern(PAGE));
      file.dropClean();
      return "later";
    };
    expect(machine.read8(at(0))).to.equal(-1);
    expect(machine.outcome?.rule).to.equal("the page could not be read");
    expect(pager.asked.length).to.be.within(2, 20);
    expect(file.read(PAGE, new Uint8Array(8))).to.equal(0);
    expect(file.verdict).to.deep.equal({ rule: "the page could not be read", waitsFor: null });
    expect(pager.asked.length).to.be.within(4, 40);
  });

  it("that fails to keep a page, in any way: the page is dirty as before, and the flush says so", () => {
    pager.pageInAnswer = () => pattern(PAGE);
    file.write(0, pattern(PAGE, 5));
    const ways: [unknown, string | null][] = [
      ["EIO", null],
      ["ENOMEM", null],
      [undefined, "ERR_PAGER_FAILED"],
      [new Uint8Array(PAGE), "ERR_PAGER_FAILED"],
      ["kept", "ERR_PAGER_FAILED"],
    ];
    for (const [answer, code] of ways) {
      pager.pageOutAnswer = () => answer;
      const flush = file.flush();
      expect(flush).to.include({ isOver: true, written: 0, failure: answer === "ENOMEM" ? "ENOMEM" : "EIO" });
      expect(file).to.include({ dirtyPages: 1, isDirty: true });
      expect(file.complaint?.code ?? null).to.equal(code);
    }
    pager.pageOutAnswer = () => {
      throw new Error("disk full");
    };
    expect(file.flush()).to.include({ failure: "EIO" });
    pager.pageOutAnswer = (request) => {
      request.done();
      return "EIO";
    };
    expect(file.flush(), "the first word counts").to.include({ isOver: true, written: 1, failure: null });
    expect(file.complaint?.code).to.equal("ERR_PAGER_ANSWERED");
    expect(file.isDirty).to.equal(false);
    file.write(0, pattern(4));
    pager.pageOutAnswer = () => "later";
    const flush = file.flush();
    const last = pager.given.at(-1);
    refuses("ERR_BAD_ARGUMENT", () => last?.fail("absent" as "EIO"));
    expect(flush).to.include({ isOver: true, failure: "EIO" });
    refuses("ERR_PAGER_ANSWERED", () => last?.done());
    expect(last?.isOpen).to.equal(false);
    expect(file.dirtyPages).to.equal(1);
  });

  it("that cannot change its length: truncate refuses and nothing has changed, a flush leaves all dirty", () => {
    pager.pageInAnswer = () => pattern(PAGE);
    machine.read32(at(3));
    for (const answer of ["EIO", 7, null]) {
      pager.lengthAnswer = () => answer;
      refuses("ERR_PAGER_FAILED", () => file.truncate(PAGE));
      expect(file).to.include({ length: 4 * PAGE, kept: 4 * PAGE });
    }
    pager.lengthAnswer = () => {
      throw new Error("read-only medium");
    };
    refuses("ERR_PAGER_FAILED", () => file.truncate(PAGE));
    expect(machine.read8(at(3))).to.equal(pattern(1)[0]);
    file.write(5 * PAGE, pattern(8));
    expect(file.flush()).to.include({ isOver: true, failure: "EIO", written: 0 });
    expect(file).to.include({ isDirty: true, dirtyPages: 1, kept: 4 * PAGE });
    expect(pager.given).to.have.length(0);
    pager.lengthAnswer = () => undefined;
    pager.pageOutAnswer = () => "done";
    expect(file.flush()).to.include({ isOver: true, failure: null, written: 1 });
  });
});
