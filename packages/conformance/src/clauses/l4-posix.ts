/** L4: calls of POSIX, as programs see them: results, error numbers, signals. */
import type { Clause } from "../clause.js";
import { posixFiles } from "./l4-posix-files.js";
import { posixRanges } from "./l4-posix-ranges.js";
import { posixTasks } from "./l4-posix-tasks.js";

export const posixClauses: readonly Clause[] = [...posixRanges, ...posixFiles, ...posixTasks];
