/**
 * Numbers for objects, so that a column of a million areas holds four bytes each and not a reference. The same object
 * has the same number as long as anybody uses it; −1 stands for none.
 */
export class Interned<T extends object> {
  readonly #items: (T | null)[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];
  readonly #numbers = new Map<T, number>();
  // Areas come in swarms that show the same thing: the last one asked for is found without looking.
  #last: T | null = null;
  #lastNumber = -1;

  /** One more use of `item`. @returns its number */
  use(item: T | null): number {
    if (item === null) return -1;
    const number = item === this.#last ? this.#lastNumber : (this.#numbers.get(item) ?? this.#add(item));
    this.#uses[number] += 1;
    this.#last = item;
    this.#lastNumber = number;
    return number;
  }

  /** One more use of what has this number. */
  useAgain(number: number): void {
    if (number >= 0) this.#uses[number] += 1;
  }

  /** One use less of what somebody else goes on to use. */
  useLess(number: number): void {
    if (number >= 0) this.#uses[number] -= 1;
  }

  /** One use less; with the last one the object is let go. */
  drop(number: number): void {
    if (number < 0) return;
    this.#uses[number] -= 1;
    const item = this.#items[number];
    if (this.#uses[number] > 0 || item === null) return;
    this.#items[number] = null;
    this.#numbers.delete(item);
    this.#free.push(number);
    if (item === this.#last) this.#last = null;
  }

  at(number: number): T | null {
    return number < 0 ? null : this.#items[number];
  }

  /** Objects in use. */
  get count(): number {
    return this.#numbers.size;
  }

  #add(item: T): number {
    const number = this.#free.pop() ?? this.#items.length;
    this.#items[number] = item;
    this.#uses[number] = 0;
    this.#numbers.set(item, number);
    return number;
  }
}
