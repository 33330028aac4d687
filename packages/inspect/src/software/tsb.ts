/** A look into a translation storage buffer, which lies in memory at an address of the kernel's. */
import { explainFields, type TlbRow } from "@portolan/core/architecture";
import { fieldValue } from "../culprit.js";
import { hexadecimal } from "../in-words.js";
import { readSome, type Memory } from "../memory.js";
import type { ImageStep } from "../walk-address.js";
import type { PlacedBuffer } from "./sources.js";
import { raised } from "./tlb.js";

const SLOT_BYTES = 16;

/** Where a buffer lies in memory, and what says so. */
export interface FoundBuffer extends PlacedBuffer {
  readonly physical: number;
  readonly slots: number;
  readonly says: string;
}

/** What a slot says to an access. */
export interface SlotAnswer {
  readonly step: ImageStep;
  /** The entry, where it is the address's. */
  readonly row: TlbRow | null;
}

/** The two words of a slot. */
export const slotIn = (bytes: Uint8Array, at: number): { tag: bigint; data: bigint } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, SLOT_BYTES);
  return { tag: view.getBigUint64(0), data: view.getBigUint64(8) };
};

/** Asks the slot of an address. Null: the slot is not in memory. */
export const askSlot = async (
  memory: Memory,
  { buffer, value, physical, slots, says: where }: FoundBuffer,
  address: bigint,
  asid: number,
): Promise<SlotAnswer | null> => {
  const offset = Number(buffer.pointer(value, address) - buffer.parse(value).base);
  const bytes = new Uint8Array(SLOT_BYTES);
  const at = physical + offset;
  if (offset < 0 || (await readSome(memory, at, bytes)) < SLOT_BYTES) return null;
  const slot = offset / SLOT_BYTES;
  const { tag, data } = slotIn(bytes, 0);
  const wanted = buffer.tagOf(address, asid);
  const differs = buffer.tagFields
    .filter((field) => fieldValue(field, tag) !== fieldValue(field, wanted))
    .map((field) => `${field.name} is ${hexadecimal(fieldValue(field, tag))}, not ${hexadecimal(fieldValue(field, wanted))}`);
  const found = tag === wanted ? buffer.rowOf(tag, data, slot) : null;
  const says =
    tag !== wanted
      ? `another tag: ${differs.join(", ")}`
      : found === null
        ? "the tag is the access's own, and the entry is not valid"
        : `the tag is the access's own: maps ${hexadecimal(found.virtual)} to ${hexadecimal(found.physical)}`;
  const raw = (tag << 64n) | data;
  const fields = [...buffer.tagFields.map((field) => raised(field, 64, "tag.")), ...buffer.data.fields];
  return {
    row: found,
    step: {
      source: "tsb",
      isPassedOver: false,
      culprit: null,
      depth: 0,
      table: `${buffer.unit} TSB of ${slots} slots`,
      tableAddress: BigInt(physical),
      index: slot,
      entryAddress: BigInt(at),
      bytes: SLOT_BYTES,
      raw,
      fields: explainFields(fields, raw),
      rights: found === null ? 0o77 : found.kernel | (found.user << 3),
      format: { ...buffer.data, fields },
      says: `${buffer.register} ${hexadecimal(value)} leads to ${where}; ${says}`,
      manual: buffer.manual,
      beside: null,
      memoryType: null,
      marks: null,
    },
  };
};

/** Slots of a buffer that were filled, in order; those that are invalid are passed over. */
export async function* slotsOf(memory: Memory, { buffer, physical, slots }: FoundBuffer): AsyncGenerator<TlbRow, void, void> {
  const chunk = new Uint8Array(2 ** 16);
  for (let done = 0; done < slots * SLOT_BYTES; done += chunk.length) {
    const got = await readSome(memory, physical + done, chunk.subarray(0, Math.min(chunk.length, slots * SLOT_BYTES - done)));
    for (let at = 0; at + SLOT_BYTES <= got; at += SLOT_BYTES) {
      const { tag, data } = slotIn(chunk, at);
      const row = buffer.rowOf(tag, data, (done + at) / SLOT_BYTES);
      if (row !== null) yield row;
    }
    if (got < Math.min(chunk.length, slots * SLOT_BYTES - done)) return;
  }
}
