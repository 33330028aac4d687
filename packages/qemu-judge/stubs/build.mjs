// Rebuilds the stubs from their sources: `node stubs/build.mjs [NAME…]`. `--check` writes nothing and says which differ.
// Each needs the binutils of its machine (Debian: binutils-x86-64-linux-gnu, -arm-linux-gnueabi, -mips-linux-gnu,
// -mipsel-linux-gnu, -sparc64-linux-gnu, -riscv64-linux-gnu, -aarch64-linux-gnu); one that is missing is told, and is no failure.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** Binary, source, prefix of the tools, options of the assembler, and where the linker puts the text. */
const STUBS = JSON.parse(readFileSync(join(folder, "stubs.json"), "utf8"));

const run = (program, args) => {
  const { status, error, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined) return error.code === "ENOENT" ? "missing" : error.message;
  return status === 0 ? "" : stderr;
};

/** The bytes; null where the assembler is not installed. @throws Error with what it says */
const assembled = ({ source, tools, as = [], ld = [], at }) => {
  const work = mkdtempSync(join(tmpdir(), "portolan-stub-"));
  try {
    const [object, linked, binary] = ["stub.o", "stub.elf", "stub.bin"].map((name) => join(work, name));
    const steps = /** @type {const} */ ([
      ["as", [...as, "-I", folder, "-o", object, join(folder, source)]],
      ["ld", [...ld, "-Ttext", at, "-e", "0", "--build-id=none", "-o", linked, object]],
      ["objcopy", ["-O", "binary", "-j", ".text", linked, binary]],
    ]);
    for (const [tool, args] of steps) {
      const said = run(`${tools}-${tool}`, args);
      if (said === "missing") return null;
      if (said !== "") throw new Error(`${source}: ${said}`);
    }
    return readFileSync(binary);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

const names = process.argv.slice(2).filter((name) => name !== "--check");
const isCheck = process.argv.includes("--check");
let differ = 0;
for (const [name, stub] of Object.entries(STUBS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const bytes = assembled(stub);
  const path = join(folder, `${name}.bin`);
  if (bytes === null) console.log(`${name}: not rebuilt, ${stub.tools}-as is not installed`);
  else if (!isCheck) {
    writeFileSync(path, bytes);
    console.log(`${name}: ${bytes.length} bytes`);
  } else if (readFileSync(path).equals(bytes)) console.log(`${name}: matches its source`);
  else {
    differ += 1;
    console.log(`${name}: differs from its source`);
  }
}
process.exitCode = differ === 0 ? 0 : 1;
