/** Hooks of Node's that write down every module that a process loads, a URL a line, in the file that LOADED names. */
import { appendFileSync } from "node:fs";
import type { LoadHook } from "node:module";

export const load: LoadHook = (url, context, next) => {
  appendFileSync(process.env["LOADED"] ?? "", `${url}\n`);
  return next(url, context);
};
