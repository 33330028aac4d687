/** What a dump says, whoever wrote it. */
interface Line {
  first: string;
  end: string;
  rights: string;
  offset: number;
  kind: string;
  pages: number;
}

/** A dump with areas merged that look like one, rights as the machine gives them, and files that have no name numbered alike. */
export const canonical = (dump: string): string => {
  const areas: Line[] = [];
  const pages: string[] = [];
  for (const line of dump.split("\n")) {
    const [what, first = "", end = "", rights = "", offset = "", kind = ""] = line.trim().split(" ");
    if (what === "page") pages.push(line);
    if (what !== "area") continue;
    const area = { first, end, rights: asGiven(rights), offset: Number(offset), kind, pages: distance(first, end) };
    const last = areas.at(-1);
    const follows = last !== undefined && last.end === first && last.rights === area.rights && last.kind === kind;
    if (follows && (kind === "-" || last.offset + last.pages === area.offset)) {
      last.end = end;
      last.pages += area.pages;
    } else areas.push(area);
  }
  const shown = areas.map(
    ({ first, end, rights, offset, kind }) => ` area ${first} ${end} ${rights} ${offset} ${kind.replace(/^([zs])\d+$/, "$1")}`,
  );
  return [...shown, ...pages].join("\n");
};

/** Memory that may be written or executed may be read as well. */
const asGiven = (rights: string): string => (/[wx]/.test(rights) ? rights.replace(/^-/, "r") : rights);

/** Bytes between two places of one region. */
const distance = (first: string, end: string): number => {
  const at = (place: string): number => (place.startsWith("t") ? -1 : 1) * Number(place.slice(1));
  return at(end) - at(first);
};

/** A dump as one number. */
export const digestOf = (dump: string): string => {
  let hash = 0x811c9dc5;
  for (const character of canonical(dump)) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return `#${(hash >>> 0).toString(16)}`;
};
