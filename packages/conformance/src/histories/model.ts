/** The most naive model of address spaces that there is: lists of areas, and a map from page to word for each memory. */
export interface ModelArea {
  first: number;
  pages: number;
  flags: number;
  /** Shared by all areas that show it. */
  readonly memory: { readonly words: Map<number, number>; shownBy: number };
}

export class Model {
  readonly spaces: ModelArea[][];

  constructor(spaces: number) {
    this.spaces = Array.from({ length: spaces }, () => []);
  }

  areasOf(space: number): ModelArea[] {
    return this.spaces[space] ?? [];
  }

  at(space: number, page: number): ModelArea | undefined {
    return this.areasOf(space).find(({ first, pages }) => page >= first && page < first + pages);
  }

  isFree(space: number, first: number, pages: number, but?: ModelArea): boolean {
    return this.areasOf(space).every((other) => other === but || first + pages <= other.first || first >= other.first + other.pages);
  }

  create(space: number, first: number, pages: number, flags: number): boolean {
    if (!this.isFree(space, first, pages)) return false;
    this.areasOf(space).push({ first, pages, flags, memory: { words: new Map(), shownBy: 1 } });
    return true;
  }

  destroy(space: number, page: number): boolean {
    const area = this.at(space, page);
    if (area === undefined) return false;
    area.memory.shownBy -= 1;
    this.areasOf(space).splice(this.areasOf(space).indexOf(area), 1);
    return true;
  }

  share(space: number, page: number, to: number, first: number, flags: number): boolean {
    const area = this.at(space, page);
    if (area === undefined || (flags & ~area.flags & 7) !== 0 || !this.isFree(to, first, area.pages)) return false;
    area.memory.shownBy += 1;
    this.areasOf(to).push({ first, pages: area.pages, flags, memory: area.memory });
    return true;
  }

  resize(space: number, page: number, pages: number): boolean {
    const area = this.at(space, page);
    if (area === undefined || area.memory.shownBy > 1) return false;
    const end = page + pages;
    if (!this.isFree(space, area.first, end - area.first, area)) return false;
    for (let gone = end; gone < area.first + area.pages; gone += 1) area.memory.words.delete(gone - area.first);
    area.pages = end - area.first;
    return true;
  }

  protect(space: number, page: number, flags: number): boolean {
    const area = this.at(space, page);
    if (area === undefined || area.memory.shownBy > 1) return false;
    area.flags = flags;
    return true;
  }

  end(space: number): void {
    for (const area of this.areasOf(space)) area.memory.shownBy -= 1;
    this.spaces[space] = [];
  }

  word(space: number, page: number): number {
    const area = this.at(space, page);
    return area === undefined ? -1 : (area.memory.words.get(page - area.first) ?? 0);
  }

  write(space: number, page: number, word: number): boolean {
    const area = this.at(space, page);
    if (area === undefined || (area.flags & 2) === 0) return false;
    area.memory.words.set(page - area.first, word);
    return true;
  }
}
