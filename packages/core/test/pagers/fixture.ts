/** Pagers that do what a test tells them, and files over them. */
import {
  file,
  FileObject,
  MemoryPager,
  type AddressSpace,
  type Machine,
  type PageInAnswer,
  type PageInRequest,
  type PageOutAnswer,
  type PageOutRequest,
  type Pager,
  type PagerFailure,
} from "#src/index.js";
import { RW } from "../fixture.js";

/** Bytes that tell where they come from. */
export const pattern = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 255);

/** Keeps every request, and answers as its fields say: later, unless told otherwise. */
export class ScriptedPager implements Pager {
  readonly name = "scripted";
  readonly asked: PageInRequest[] = [];
  readonly given: PageOutRequest[] = [];
  readonly lengths: number[] = [];
  released = 0;
  pageInAnswer: (request: PageInRequest) => unknown = () => "later";
  pageOutAnswer: (request: PageOutRequest) => unknown = () => "later";
  lengthAnswer: (bytes: number) => unknown = () => undefined;
  releasing: () => void = () => {};

  pageIn(request: PageInRequest): PageInAnswer {
    this.asked.push(request);
    return this.pageInAnswer(request) as PageInAnswer;
  }

  pageOut(request: PageOutRequest): PageOutAnswer {
    this.given.push(request);
    return this.pageOutAnswer(request) as PageOutAnswer;
  }

  setLength(bytes: number): void | PagerFailure {
    const answer = this.lengthAnswer(bytes) as PagerFailure | undefined;
    if (answer === undefined) this.lengths.push(bytes);
    if (answer !== undefined) return answer;
  }

  release(): void {
    this.released += 1;
    this.releasing();
  }
}

/** A shared (or private) area of a file, in pages of the machine. */
export const mapFile = (
  space: AddressSpace,
  object: FileObject,
  page: number,
  pages: number,
  options: { flags?: number; offset?: number; isPrivate?: boolean } = {},
): void => {
  const { pageSize } = space.parts.units;
  const { flags = RW, ...view } = options;
  space.createArea({ base: page * pageSize, size: pages * pageSize, flags, backend: file(object, view) });
};

export const openFile = (machine: Machine, pager: Pager, length = 0, isWritable = true): FileObject =>
  new FileObject(machine.parts, pager, { length, isWritable });

/** The bytes of a file, as read() gives them. */
export const bytesOf = (object: FileObject, offset = 0, count = object.length - offset): Uint8Array => {
  const target = new Uint8Array(count);
  const done = object.read(offset, target);
  return target.subarray(0, done);
};

/** Keeps what it is given, and answers at once or when it is told to. */
export class UnsteadyPager extends MemoryPager {
  isSlow = false;
  readonly waiting: (() => void)[] = [];

  override pageIn(request: PageInRequest): PageInAnswer {
    if (!this.isSlow) return super.pageIn(request);
    this.waiting.push(() => request.answer(this.bytes(request.offsetBytes, request.bytes)));
    return "later";
  }

  override pageOut(request: PageOutRequest): PageOutAnswer {
    if (!this.isSlow) return super.pageOut(request);
    this.waiting.push(() => {
      // What has been cut off meanwhile is not to be kept.
      if (request.isOpen) super.pageOut(request);
      super.setLength(this.length);
      request.done();
    });
    return "later";
  }

  answer(): void {
    for (const transfer of this.waiting.splice(0)) transfer();
  }
}
