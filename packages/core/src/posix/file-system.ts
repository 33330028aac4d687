/**
 * Files in memory, by name: as much of a file system as mappings need. A file lives while it has its name, while somebody
 * has it open, and while it is mapped.
 *
 * @see POSIX.1-2017 open(), dup(), ftruncate(), pread(), pwrite()
 */
import type { SpaceParts } from "../address-space/parts.js";
import type { Backend } from "../backends/backend.js";
import { PortolanError } from "../errors.js";
import { FileObject } from "../objects/file-object.js";
import { MemoryPager } from "../objects/memory-pager.js";
import { refuse } from "./errno.js";
import { O_ACCMODE, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "./numbers.js";

/** Most bytes of a file, as for 64-bit offsets; core files end sooner. */
const LONGEST = 2 ** 52;

/** What a name stands for. */
export interface FileNode {
  readonly name: string;
  /** Null: a device that takes everything and has nothing, and cannot be mapped. */
  readonly object: FileObject | null;
  /** What says of an area that it is a mapping of this file. */
  readonly backend: Backend;
}

/** The backend of areas that show one object. Nobody opens it: mappings are made of the object itself. */
export const backendOver = (name: string, object: FileObject | null): Backend => ({
  name,
  isShareable: true,
  canChangeFlags: false,
  open: () => object ?? refuse("ENODEV"),
});

/** What opening a file gives: several descriptors may refer to one. @see POSIX.1-2017, open file description */
export class OpenFile {
  readonly node: FileNode;
  readonly isReadable: boolean;
  readonly isWritable: boolean;

  constructor(node: FileNode, mode: number) {
    this.node = node;
    this.isReadable = mode === O_RDONLY || mode === O_RDWR;
    this.isWritable = mode === O_WRONLY || mode === O_RDWR;
  }

  /** One descriptor more refers to it. */
  hold(): void {
    this.node.object?.open();
  }

  /** One descriptor less. */
  release(): void {
    if (this.node.object !== null) closeFile(this.node.object);
  }

  /** @returns bytes read: fewer than asked at the end of the file */
  read(offset: bigint, target: Uint8Array): number {
    if (!this.isReadable) return refuse("EBADF");
    const { object } = this.node;
    if (object === null || offset >= BigInt(object.length)) return 0;
    return told(object, object.read(Number(offset), target));
  }

  /** @returns bytes written: fewer than asked if memory ran out */
  write(offset: bigint, source: Uint8Array): number {
    if (!this.isWritable) return refuse("EBADF");
    const { object } = this.node;
    if (object === null || source.length === 0) return source.length;
    if (offset + BigInt(source.length) > BigInt(LONGEST)) return refuse("EFBIG");
    return told(object, object.write(Number(offset), source));
  }

  /** Gives the file another length in bytes. Refuses with EINVAL, EFBIG. */
  truncate(length: bigint): number {
    const { object } = this.node;
    if (object === null || !this.isWritable) return refuse("EINVAL");
    if (length > BigInt(LONGEST)) return refuse("EFBIG");
    object.truncate(Number(length));
    return 0;
  }
}

/** Files in memory and the null device. Names are any strings; there are no directories. */
export class FileSystem {
  readonly #parts: SpaceParts;
  readonly #nodes = new Map<string, FileNode>();

  constructor(parts: SpaceParts) {
    this.#parts = parts;
    this.#nodes.set("/dev/null", { name: "/dev/null", object: null, backend: backendOver("/dev/null", null) });
  }

  /** What a name stands for. */
  node(name: string): FileNode | undefined {
    return this.#nodes.get(name);
  }

  /** Everything that has a name. */
  nodes(): IterableIterator<FileNode> {
    return this.#nodes.values();
  }

  /** Makes a file. What it holds at first is the caller's to write. @throws PortolanError ERR_OUT_OF_MEMORY */
  create(name: string): FileNode {
    const object = newFile(this.#parts, name);
    const node = { name, object, backend: backendOver(name, object) };
    this.#nodes.set(name, node);
    return node;
  }

  /**
   * Gives a name to a file over any pager, in place of what had it. The system is one of its openers from then on.
   * @throws PortolanError ERR_FILE_GONE; nothing has changed then
   */
  add(name: string, object: FileObject): FileNode {
    object.open();
    const before = this.#nodes.get(name)?.object;
    if (before) closeFile(before);
    const node = { name, object, backend: backendOver(name, object) };
    this.#nodes.set(name, node);
    return node;
  }

  /** A file that is not open yet: whoever gets it holds it. @throws PortolanError ERR_OUT_OF_MEMORY */
  open(name: string, flags: number): OpenFile {
    const known = this.#nodes.get(name);
    const mode = flags & O_ACCMODE;
    if (known === undefined && (flags & O_CREAT) === 0) return refuse("ENOENT");
    if (known !== undefined && (flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return refuse("EEXIST");
    const isChanging = (mode !== O_RDONLY || (flags & O_TRUNC) !== 0) && known?.object?.isWritable === false;
    if (isChanging) return refuse("EACCES");
    const file = new OpenFile(known ?? this.create(name), mode);
    if ((flags & O_TRUNC) !== 0 && known?.object) known.object.truncate(0);
    return file;
  }

  /** Takes a name away; the file goes with its last user. */
  unlink(name: string): void {
    const node = this.#nodes.get(name);
    if (node?.object === null) refuse("EPERM");
    if (node === undefined) return refuse("ENOENT");
    this.#nodes.delete(name);
    if (node.object !== null) closeFile(node.object);
  }
}

/**
 * One opener less: never fails. Without memory to write dirty pages with they are written later, by whoever flushes the
 * file next; what lives in memory only, and nobody can reach any more, need not be.
 */
export const closeFile = (object: FileObject): void => {
  try {
    object.close();
  } catch (error) {
    if (!(error instanceof PortolanError && error.errno === "ENOMEM")) throw error;
    object.openers -= 1;
    if (object.openers === 0 && object.links === 0 && object.pager instanceof MemoryPager) object.discard();
  }
};

/** A file over memory, held once. @throws PortolanError ERR_OUT_OF_MEMORY */
export const newFile = (parts: SpaceParts, name: string, length = 0): FileObject => {
  const object = new FileObject(parts, new MemoryPager(undefined, name));
  if (length > 0) object.truncate(length);
  return object;
};

/** What a transfer of bytes came to: what was done, or why nothing was. A page that is on its way is EAGAIN. */
const told = ({ verdict }: FileObject, done: number): number => {
  if (done > 0) return done;
  switch (verdict.rule) {
    case "done":
      return 0;
    case "out of memory":
      return refuse("ENOMEM");
    case "the page is on its way":
      return refuse("EAGAIN");
    default:
      return refuse("EIO");
  }
};
