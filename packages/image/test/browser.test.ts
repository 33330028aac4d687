/** The package, bundled for a browser, in a context that has the language and nothing else; and what a page does with a Blob. */
import { writeElf } from "@portolan/image";
import { expect } from "chai";
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { bytesAt, gather, regionsFor } from "./fixture.js";

const PAGE = `
  import { blobSource, openImage, regionsOf, writeLime } from "@portolan/image";

  globalThis.foreign = ["process", "Buffer", "require", "setTimeout", "TextDecoder", "Blob"].filter((name) => name in globalThis);

  globalThis.work = async (blob) => {
    const image = await openImage(blobSource(blob));
    const target = new Uint8Array(4);
    const count = await image.read(0x8000, target);
    let lime = 0;
    for await (const piece of writeLime(regionsOf(image))) lime += piece.length;
    return JSON.stringify({ format: image.format, cr3: Number(image.processors[0].registers.CR3), count, bytes: [...target], lime });
  };
`;

describe("images in a browser", function () {
  this.timeout(60_000);

  it("are read from a Blob, slice by slice, without a trace of Node", async () => {
    const { outputFiles, metafile, warnings } = await build({
      stdin: { contents: PAGE, resolveDir: fileURLToPath(new URL("../", import.meta.url)) },
      bundle: true,
      platform: "browser",
      format: "iife",
      target: "es2022",
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    expect(warnings).to.deep.equal([]);
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).to.deep.equal([]);
    const context = createContext({}, { codeGeneration: { strings: false, wasm: false } }) as Record<string, unknown>;
    runInContext(outputFiles[0]?.text ?? "", context, { filename: "bundle.js" });
    expect(Array.from(context["foreign"] as string[])).to.deep.equal([]);
    const list = [0x1000, 0x8000].map((first) => ({ first, bytes: bytesAt(first, 4096) }));
    const processors = [{ registers: { CR3: 0x1000n } }];
    const core = await gather(writeElf(regionsFor(list), { bits: 64, byteOrder: "little", machine: 62, processors }));
    let largest = 0;
    const blob = new Blob([core]);
    context["blob"] = {
      size: blob.size,
      slice: (start: number, end: number) => {
        largest = Math.max(largest, end - start);
        return blob.slice(start, end);
      },
    };
    const result: unknown = JSON.parse((await runInContext("work(blob)", context)) as string);
    expect(result).to.deep.equal({ format: "elf-core", cr3: 0x1000, count: 4, bytes: [...bytesAt(0x8000, 4)], lime: 2 * (4096 + 32) });
    expect(largest, "the longest slice").to.be.lessThan(core.length);
  });
});
