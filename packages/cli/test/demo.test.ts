import { expect } from "chai";
import { ARCHITECTURES, architectureNamed } from "#src/architectures.js";
import { demonstrate } from "#src/commands/demo.js";

describe("the demonstration", () => {
  for (const name of ARCHITECTURES) {
    it(`sorts on ${name}, with one fault a page and side`, async () => {
      const architecture = await architectureNamed(name);
      const pages = 2 ** (18 - architecture.pageShift);
      expect(demonstrate(architecture)).to.include({ isSorted: true, pageFaults: 2 * pages, residentPages: pages });
    });
  }

  it("lists the known machines when it is asked for another", async () => {
    let message = "";
    try {
      await architectureNamed("vax");
    } catch (error) {
      message = String(error);
    }
    expect(message).to.contain("vax").and.to.contain("ia32");
  });
});
