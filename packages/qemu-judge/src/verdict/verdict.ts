/** What became of a case: every access agreed, explained, unexplained, or not judged. */
import type { JudgedCase, JudgedQuery } from "../case.js";
import type { Explanation } from "./explanation.js";

export interface Disagreement {
  readonly judged: JudgedCase;
  /** Absent where memory differs after accesses that agree. */
  readonly query?: JudgedQuery;
  /** What differs, in words. */
  readonly says: string;
  /** Null: nobody knows why. */
  readonly explanation: Explanation | null;
}

export class Tally {
  agreed = 0;
  /** Accesses that nothing in QEMU could answer for, by why. */
  readonly unjudged = new Map<string, number>();
  readonly explained = new Map<string, number>();
  /** Words of tables that differ after accesses that agree, where it is known why. */
  readonly explainedWords = new Map<string, number>();
  readonly unexplained: Disagreement[] = [];
  cases = 0;
  /** Words of tables whose contents after the accesses were compared. */
  words = 0;

  count(disagreement: Disagreement): void {
    const { explanation, query } = disagreement;
    const explained = query === undefined ? this.explainedWords : this.explained;
    if (explanation === null) this.unexplained.push(disagreement);
    else explained.set(explanation.id, (explained.get(explanation.id) ?? 0) + 1);
  }

  pass(why: string): void {
    this.unjudged.set(why, (this.unjudged.get(why) ?? 0) + 1);
  }

  /** Adds another's counts. */
  add(other: Tally): void {
    this.agreed += other.agreed;
    this.cases += other.cases;
    this.words += other.words;
    for (const [why, count] of other.unjudged) this.unjudged.set(why, (this.unjudged.get(why) ?? 0) + count);
    for (const [id, count] of other.explainedWords) this.explainedWords.set(id, (this.explainedWords.get(id) ?? 0) + count);
    for (const [id, count] of other.explained) this.explained.set(id, (this.explained.get(id) ?? 0) + count);
    this.unexplained.push(...other.unexplained);
  }

  /** All that were asked. */
  get queries(): number {
    let sum = this.agreed + this.unexplained.filter(({ query }) => query !== undefined).length;
    for (const count of this.unjudged.values()) sum += count;
    for (const count of this.explained.values()) sum += count;
    return sum;
  }
}
