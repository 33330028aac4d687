/** The documents of the repository, and what is in them. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../../", import.meta.url));

const NOT_OURS = new Set(["node_modules", ".git", "dist", "dist-test", "api", "coverage"]);

const below = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : below(path);
    return entry.name.endsWith(".md") ? [relative(root, path)] : [];
  });

/** A document: its path from the root, and its text. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

/** Every Markdown file that is ours. */
export const documents: readonly Document[] = below(root)
  .toSorted()
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

/** The document at a path. */
export const documentAt = (path: string): Document => {
  const found = documents.find((document) => document.path === path);
  if (found === undefined) throw new Error(`there is no ${path}`);
  return found;
};

/** Fenced blocks in a language, in order, without their fences. */
export const blocksOf = ({ text }: Document, language: string): string[] =>
  Array.from(text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm))
    .filter(([, found]) => found === language)
    .map(([, , block = ""]) => block);

/** A document's text without its fenced blocks. */
export const proseOf = ({ text }: Document): string => text.replaceAll(/^```\w*\n[\s\S]*?^```$/gm, "");

/** What stands between backticks on one line of the prose. */
export const inlineOf = (document: Document): string[] => Array.from(proseOf(document).matchAll(/`([^`\n]+)`/g), ([, code = ""]) => code);

/** Rows of the table that has this header, without the header, as cells. */
export const tableOf = ({ text, path }: Document, header: string): string[][] => {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith(header));
  if (start < 0) throw new Error(`${path} has no table that begins with ${header}`);
  const end = lines.findIndex((line, i) => i > start && !line.startsWith("|"));
  return lines.slice(start + 2, end < 0 ? undefined : end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
};
