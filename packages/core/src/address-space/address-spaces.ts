/** All address spaces of one machine: the kernel's, which is there from the start, and the others. */
import { TranslationContext } from "../machine/translation-context.js";
import { AddressSpace } from "./address-space.js";
import type { SpaceParts } from "./parts.js";

/** The register of live spaces: the only place where one is made. Each leaves it when its last user does. */
export class AddressSpaces {
  readonly kernel: AddressSpace;
  readonly #parts: SpaceParts;
  readonly #live = new Map<number, AddressSpace>();
  #nextId = 1;

  /** @param kernelContext the context that processors were born with */
  constructor(parts: SpaceParts, kernelContext: TranslationContext) {
    this.#parts = parts;
    parts.tables.create(kernelContext);
    this.kernel = new AddressSpace(parts, kernelContext, () => {
      throw new Error("the kernel's address space is never destroyed");
    });
    this.#live.set(kernelContext.id, this.kernel);
  }

  /**
   * A new, empty space, held once by the caller.
   * @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then
   */
  create(): AddressSpace {
    const { gate, tables, caches, architecture, events } = this.#parts;
    gate.pass("address space");
    const context = new TranslationContext(this.#nextId, false, architecture.asids.invalid);
    tables.create(context);
    try {
      caches.create(context);
    } catch (error) {
      tables.destroy(context);
      throw error;
    }
    this.#nextId += 1;
    const space = new AddressSpace(this.#parts, context, (gone) => this.#live.delete(gone.id));
    this.#live.set(space.id, space);
    if (events.sink !== null) events.sink({ kind: "space", space: space.id, action: "create" });
    return space;
  }

  /** The space whose number is `id`, or undefined. */
  byId(id: number): AddressSpace | undefined {
    return this.#live.get(id);
  }

  /** Live spaces, oldest first, the kernel's included. */
  live(): IterableIterator<AddressSpace> {
    return this.#live.values();
  }
}
