/** `portolan inspect read`: bytes at a virtual address. */
import { readVirtual } from "@portolan/inspect";
import { KERNEL, type Architecture, type Switches } from "@portolan/core/architecture";
import type { Command } from "commander";
import { addressOf } from "../../options.js";
import { drainedOf, WorkFailed, type Terminal } from "../../terminal.js";
import { addRootOptions, bytesOf, type InspectArguments } from "./arguments.js";
import { addWhose, whoseOf } from "./software.js";
import { openSubject, rootsOf } from "./subject.js";

const EXAMPLES = `
Examples:
  portolan inspect read --arch amd64 examples/images/sort.amd64.core 0x402000 35
  portolan inspect read --arch amd64 --raw examples/images/sort.amd64.core 0x402000 35`;

interface ReadArguments extends InspectArguments {
  readonly raw?: boolean;
  readonly privilege?: "user" | "kernel";
}

/** Bytes that are read and printed at once. */
const PIECE = 2 ** 16;
const ROW = 16;

/** Adds it to `inspect`. */
export const addInspectRead = (inspect: Command, terminal: Terminal): void => {
  addWhose(addRootOptions(inspect.command("read")))
    .description("prints bytes at a virtual address, up to the first that is not mapped or not in the image")
    .option("--raw", "writes the bytes themselves")
    .argument("<image>", "an image of physical memory: raw, ELF core or LiME")
    .argument("<address>", "virtual", addressOf)
    .argument("<bytes>", "how many: 64, 0x100, 4K", bytesOf)
    .addHelpText("after", EXAMPLES)
    .action(async (path: string, address: bigint, length: number, given: ReadArguments) => {
      const subject = await openSubject(path, given, terminal);
      try {
        const { roots } = await rootsOf(subject, given.root, given.cpu);
        const { image, architecture, options } = subject;
        const privilege = whoseOf(architecture, given.privilege) ?? KERNEL;
        const asked = { ...options, privilege, switches: { ...options.switches, ...unlocked(architecture) } };
        for (let done = 0; done < length;) {
          const at = address + BigInt(done);
          const { bytes, stop } = await readVirtual(image, architecture, roots, at, Math.min(PIECE, length - done), asked);
          if (given.raw === true) writeBytes(terminal, bytes);
          else terminal.out(hexRows(bytes, at, architecture.wordBits / 4));
          await drainedOf(terminal);
          if (stop !== null) {
            const { walk } = stop;
            const why = walk.physical === null ? walk.rule : `physical 0x${walk.physical.toString(16)} is not in the image`;
            throw new WorkFailed(`${done + bytes.length} of ${length} bytes; 0x${stop.address.toString(16)}: ${why}`);
          }
          done += bytes.length;
        }
      } finally {
        await subject.close();
      }
    });
};

/** Who looks from outside is not kept from the user's pages, as a kernel may be. */
const unlocked = ({ switches }: Architecture): Switches => ({
  ...("SMAP" in switches ? { SMAP: false } : {}),
  ...("PAN" in switches ? { PAN: false } : {}),
  ...("SUM" in switches ? { SUM: true } : {}),
});

const writeBytes = (terminal: Terminal, bytes: Uint8Array): void => {
  if (terminal.bytes === undefined) terminal.out(Buffer.from(bytes).toString("latin1"));
  else terminal.bytes(bytes);
};

/** Address, sixteen bytes, and the same as letters. */
const hexRows = (bytes: Uint8Array, first: bigint, digits: number): string => {
  let text = "";
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = bytes.subarray(at, at + ROW);
    const pairs = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    text += `${(first + BigInt(at)).toString(16).padStart(digits, "0")}  ${pairs.padEnd(3 * ROW - 1)}  ${letters}\n`;
  }
  return text;
};
