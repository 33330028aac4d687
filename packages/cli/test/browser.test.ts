/**
 * The core and the ports, bundled for a browser, in a context that has the language and nothing else: no Node, no DOM, and
 * no right to make code from strings, as a page with a strict content security policy has it.
 */
import { expect } from "chai";
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";

const resolveDir = fileURLToPath(new URL("../", import.meta.url));

/** What a page would do; its last value is the result. */
const PAGE = `
  import { anonymous, AREA_CACHEABLE, AREA_EXECUTE, AREA_READ, AREA_WRITE, assertInvariants, buildMachine, image, loadArchitecture, WRITE } from "@portolan/core";
  import * as abs32le from "@portolan/arch-abs32le";
  import * as ia32 from "@portolan/arch-ia32";
  import * as sparc64 from "@portolan/arch-sparc64";

  const modules = { "@portolan/arch-abs32le": abs32le, "@portolan/arch-ia32": ia32, "@portolan/arch-sparc64": sparc64 };
  const names = ["process", "Buffer", "require", "module", "setTimeout", "setImmediate", "queueMicrotask", "performance", "crypto", "TextDecoder", "URL", "window", "document", "fetch"];
  globalThis.foreign = names.filter((name) => name in globalThis);

  globalThis.work = async (name, memory) => {
    const architecture = await loadArchitecture(name, async (specifier) => modules[specifier]);
    const heard = new Set();
    const machine = buildMachine(architecture, { cpus: 2, memory, onEvent: ({ kind }) => heard.add(kind) });
    const space = machine.spaces.create();
    const text = Uint8Array.from({ length: 100 }, (_, i) => 200 - i);
    const file = machine.loadImage(text);
    const segment = { lead: 0, fileOffset: 0, fileSize: 100, memorySize: 100, writable: false };
    space.createArea({ base: 0x100000, size: 100, flags: AREA_READ | AREA_EXECUTE | AREA_CACHEABLE, backend: image(file, segment) });
    space.createArea({ base: 0x200000, size: 0x10000, flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE, backend: anonymous });
    machine.switchTo(space);
    machine.write32(0x208004, 0x12345678);
    const result = {
      seen: machine.read8(0x100063),
      physical: Number(machine.translate(0x208004, WRITE)),
      denied: machine.write32(0x100000, 0),
      rule: machine.outcome.rule,
      words: machine.walk(space, 0x208004, WRITE).steps.length,
      heard: [...heard].sort(),
    };
    assertInvariants(machine);
    return JSON.stringify(result);
  };
`;

describe("the core in a browser", function () {
  this.timeout(60_000);
  let code = "";

  before(async () => {
    const { outputFiles, metafile, warnings } = await build({
      stdin: { contents: PAGE, resolveDir },
      bundle: true,
      platform: "browser",
      format: "iife",
      target: "es2022",
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    expect(warnings).to.deep.equal([]);
    // Everything is inside: no import is left for the browser to find.
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).to.deep.equal([]);
    code = outputFiles[0]?.text ?? "";
  });

  const contextWith = (values: object): Record<string, unknown> => {
    const context = createContext(values, { codeGeneration: { strings: false, wasm: false } });
    runInContext(code, context, { filename: "bundle.js" });
    return context;
  };

  it("runs where there is no trace of Node", () => {
    expect(Array.from(contextWith({})["foreign"] as string[])).to.deep.equal([]);
    expect(Array.from(contextWith({ process: {}, setTimeout: {} })["foreign"] as string[]), "the probe sees what is there").to.deep.equal([
      "process",
      "setTimeout",
    ]);
  });

  for (const [name, isLittle] of [
    ["ia32", true],
    ["sparc64", false],
    ["abs32le", true],
  ] as const) {
    for (const [whose, memory] of [
      ["memory of its own", undefined],
      ["a SharedArrayBuffer of the page's", new SharedArrayBuffer(2 ** 21)],
      ["an ArrayBuffer of the page's", new ArrayBuffer(2 ** 21)],
    ] as const) {
      it(`pages bytes in on ${name}, with ${whose}`, async () => {
        const context = contextWith({ name, memory });
        const result = JSON.parse((await runInContext("work(name, memory)", context)) as string) as {
          seen: number;
          physical: number;
          denied: boolean;
          rule: string;
          words: number;
          heard: string[];
        };
        expect(result.seen).to.equal(200 - 0x63);
        expect(result.denied).to.equal(false);
        expect(result.rule).to.equal("the area forbids this access");
        expect(result.words).to.be.greaterThan(0);
        expect(result.heard).to.include.members(["page-fault", "page-in", "trap", "tlb-fill"]);
        if (memory !== undefined) expect(new DataView(memory).getUint32(result.physical, isLittle)).to.equal(0x12345678);
      });
    }
  }
});
