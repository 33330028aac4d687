/** Small programs that answer as adapters do. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Writes programs in JavaScript into a folder, each of which answers what `body` says of `request`; gives the command that runs it. */
export const scriptsIn =
  (directory: string) =>
  (name: string, body: string): string => {
    const path = join(directory, `${name}.mjs`);
    writeFileSync(
      path,
      `import { createInterface } from "node:readline";
       const say = (id, answer) => console.log(JSON.stringify({ id, ...answer }));
       for await (const line of createInterface({ input: process.stdin })) {
         const request = JSON.parse(line);
         const { id, op } = request;
         ${body}
       }`,
    );
    return `'${process.execPath}' '${path}'`;
  };
