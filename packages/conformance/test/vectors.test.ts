import { Ajv2020 } from "ajv/dist/2020.js";
import { abs32le } from "@portolan/arch-abs32le";
import { conform, makeVectors, readVectors, sha256, vectorsText } from "@portolan/conformance";
import { PortolanError } from "@portolan/core";
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { honest } from "./liars/liar.js";

const folder = new URL("../vectors/", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, folder), "utf8");
const files = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => readdirSync(new URL(`${name}/`, folder)).map((file) => `${name}/${file}`));

describe("golden vectors", () => {
  const ajv = new Ajv2020();
  const schema = ajv.compile(JSON.parse(readFileSync(new URL("../schema/vectors.schema.json", import.meta.url), "utf8")) as object);

  it("are published and never change: what is listed is there, as it was", () => {
    const listed = read("SHA256SUMS")
      .trim()
      .split("\n")
      .map((line) => line.split("  ") as [string, string]);
    for (const [sum, path] of listed) expect(sha256(read(path)), path).to.equal(sum);
    expect(listed.map(([, path]) => path)).to.have.members(files);
  });

  for (const path of files) {
    it(`${path} is what the schema describes, and what the reader accepts`, () => {
      const text = read(path);
      expect(schema(JSON.parse(text)), ajv.errorsText(schema.errors)).to.equal(true);
      const set = readVectors(text, path);
      expect(vectorsText(set)).to.equal(text);
      expect(set.vectors.length).to.be.greaterThan(0);
    });
  }

  it("are made the same again", () => {
    const [set] = makeVectors(abs32le, honest.abs32le.oracle);
    expect(set === undefined ? "" : vectorsText(set)).to.equal(read("abs32le/walks.json"));
  });

  it("that are damaged are refused with the place and the reason", () => {
    const whole = JSON.parse(read("abs32le/walks.json")) as { vectors: { queries: Record<string, unknown>[]; memory: unknown[][] }[] };
    const cases: readonly (readonly [place: string, damage: (set: typeof whole & Record<string, unknown>) => void])[] = [
      ["format", (set) => (set["format"] = 2)],
      ["ram", (set) => delete set["ram"]],
      ["extra", (set) => (set["extra"] = 1)],
      ["vectors[0].queries[1].access", (set) => ((set.vectors[0]?.queries[1] ?? {})["access"] = "jump")],
      ["vectors[0].queries[0].answer.physical", (set) => ((set.vectors[0]?.queries[0] ?? {})["answer"] = { physical: 12, from: "walk" })],
      ["vectors[2].memory[0][1]", (set) => ((set.vectors[2]?.memory[0] ?? [])[1] = "abc")],
      ["vectors", (set) => ((set as Record<string, unknown>)["vectors"] = {})],
    ];
    for (const [place, damage] of cases) {
      const copy = structuredClone(whole) as typeof whole & Record<string, unknown>;
      damage(copy);
      expect(() => readVectors(JSON.stringify(copy), "damaged.json"), place)
        .to.throw(PortolanError, "")
        .that.has.nested.property("values.place", place);
      expect(schema(copy), place).to.equal(false);
    }
    const misplaced: readonly (readonly [place: string, damage: (set: typeof whole & Record<string, unknown>) => void])[] = [
      ["ram.bytes", (set) => (set["ram"] = { first: "0x0", bytes: "0xffffffffffffffff" })],
      ["ram.bytes", (set) => (set["ram"] = { first: "0x0", bytes: "0x0" })],
      ["vectors[1].memory[0]", (set) => ((set.vectors[1]?.memory[0] ?? [])[0] = "0xfffffff0")],
      ["vectors[0].memory[0]", (set) => (set["ram"] = { first: "0x800000", bytes: "0x80000" })],
    ];
    for (const [place, damage] of misplaced) {
      const copy = structuredClone(whole) as typeof whole & Record<string, unknown>;
      damage(copy);
      expect(() => readVectors(JSON.stringify(copy), "misplaced.json"), place)
        .to.throw(PortolanError, "")
        .that.has.nested.property("values.place", place);
    }
    expect(() => readVectors("{", "cut.json"))
      .to.throw(PortolanError)
      .with.property("code", "ERR_BAD_VECTORS");
  });

  it("with a wrong answer fail the clause, which says which one", async () => {
    const set = structuredClone(honest.abs32le.vectors[0]);
    const query = set.vectors[0]?.queries[0];
    if (query !== undefined) Object.assign(query, { answer: { physical: "0x9123", from: "walk" } });
    const report = await conform({ ...honest.abs32le, vectors: [set] }, { only: ["L1.vectors"], policies: ["described"] });
    const [result] = report.results;
    expect(result?.outcome).to.equal("FAIL");
    expect(result?.detail).to.include("0x9123").and.to.include("kernel read");
  });
});
