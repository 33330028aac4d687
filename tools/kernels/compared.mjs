/** Every comparison of one image of a dumped machine. What the inspector says comes through the command that a user types. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openImage } from "../../packages/image/dist/index.js";
import { fileSource } from "../../packages/image/dist/node.js";
import { inspectedAs } from "./inspected.mjs";
import { againstCompanions, againstGuest, againstLists, againstNote, againstSamples } from "./judges.mjs";

/** What `main.mjs` says of a dump. */
export const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));

/** What others said of a machine's memory, as texts by the names of the files. */
export const evidenceOf = (folder, manifest) =>
  new Map(
    manifest.files
      .filter((name) => /^(info-tlb|info-mem|gva2gpa-\w+|pagemap)\.txt$/.test(name))
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );

/** What the image's note says of the processor: null where it has none. */
export const noteOf = async (path) => {
  const source = await fileSource(path);
  try {
    return (await openImage(source, { format: "elf-core" })).processors[0]?.registers ?? null;
  } finally {
    await source.close();
  }
};

/** Verdicts on what was inspected, before the evidence. */
export const verdictsOn = (manifest, seen, note, evidence) => {
  const textOf = (name) => evidence.get(name) ?? null;
  const verdicts = againstLists(manifest, seen, { tlb: textOf("info-tlb.txt"), mem: textOf("info-mem.txt") });
  for (const who of ["user", "kernel"]) {
    const samples = textOf(`gva2gpa-${who}.txt`);
    if (samples !== null) verdicts.push(againstSamples(`list, gva2gpa as ${who}`, seen, samples, who));
  }
  verdicts.push(againstGuest(manifest, seen, textOf("pagemap.txt")));
  if (manifest.kind === "armhf") verdicts.push(againstCompanions(seen, textOf("pagemap.txt")));
  // Cores of ARM have no word on translation.
  if (note !== null && manifest.registers.CR3 !== undefined) verdicts.push(againstNote(manifest, note));
  return verdicts;
};

/** Nothing compared is nothing shown. */
export const isRight = ({ equal, differences }) => differences.length === 0 && equal > 0;

/** What is inspected once and looked at many times. */
export const lookedAt = (manifest, path) => {
  const seen = inspectedAs(manifest, path);
  const known = new Map();
  const once = (key, make) => {
    if (!known.has(key)) known.set(key, make());
    return known.get(key);
  };
  return {
    ...seen,
    written: (format) => once(format, () => seen.written(format)),
    walk: (address) => once(`walk ${address}`, () => seen.walk(address)),
  };
};
