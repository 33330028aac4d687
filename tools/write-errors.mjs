/** Writes docs/errors.md from the core's one table of errors. Run after a build: `node tools/write-errors.mjs`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bootstrap.mjs";

const { ERRORS } = await import("../packages/core/dist/errors.js");

const entries = Object.entries(ERRORS).sort(([one], [two]) => (one < two ? -1 : 1));
const text = entries
  .map(
    ([code, { says, hint, errno }]) =>
      `## ${code}\n\nThe message: ${says}.\n\nThe hint: ${hint}.\n\nAt the system-call face: ${errno ?? "EINVAL"}.\n`,
  )
  .join("\n");
writeFileSync(
  join(root, "docs/errors.md"),
  `# Errors\n\nWhat a \`PortolanError\` can say. Codes are stable; nothing has changed when one is thrown.\n\n${text}`,
);
