/** All address spaces of one machine: the kernel's, which is there from the start, and the others. */
import { PortolanError } from "../errors.js";
import { TranslationContext } from "../machine/translation-context.js";
import { AddressSpace } from "./address-space.js";
import { forkAreas } from "./fork.js";
import { withReclaim } from "../swap/with-reclaim.js";
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
    const space = withReclaim(this.#parts, () => this.#make());
    this.#publish(space);
    return space;
  }

  /**
   * A new space with the areas of `parent` and what they show, held once by the caller. From here on neither sees what
   * the other writes, but in areas of shared memory, of shared files and of devices.
   *
   * @throws PortolanError ERR_SPACE_GONE, ERR_BAD_ARGUMENT (the kernel's, or another machine's), ERR_AREA_BUSY while an
   *   area is being built, ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then
   * @see POSIX.1-2017 fork()
   */
  fork(parent: AddressSpace): AddressSpace {
    if (parent.parts !== this.#parts) throw new PortolanError("ERR_BAD_ARGUMENT", { space: parent.id, machine: "another" });
    if (parent.isDestroyed) throw new PortolanError("ERR_SPACE_GONE", { space: parent.id });
    if (parent.context.isKernel) throw new PortolanError("ERR_BAD_ARGUMENT", { space: parent.id, rule: "a user's" });
    return withReclaim(this.#parts, () => this.#fork(parent));
  }

  #fork(parent: AddressSpace): AddressSpace {
    const { locks, events } = this.#parts;
    locks.acquire("address-space", parent.id);
    try {
      const child = this.#make();
      try {
        forkAreas(parent, child);
      } catch (error) {
        this.#parts.caches.destroy(child.context);
        this.#parts.tables.destroy(child.context);
        if (this.#nextId === child.id + 1) this.#nextId = child.id;
        throw error;
      }
      this.#publish(child);
      if (events.sink !== null) events.sink({ kind: "fork", space: parent.id, child: child.id });
      return child;
    } finally {
      locks.release("address-space", parent.id);
    }
  }

  /** A space that nobody knows yet. @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then */
  #make(): AddressSpace {
    const { gate, tables, caches, architecture } = this.#parts;
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
    return new AddressSpace(this.#parts, context, (gone) => this.#live.delete(gone.id));
  }

  #publish(space: AddressSpace): void {
    const { sink } = this.#parts.events;
    this.#live.set(space.id, space);
    if (sink !== null) sink({ kind: "space", space: space.id, action: "create" });
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
