import type { Backend } from "./backend.js";

/** Fresh zeroed memory: a frame is taken on first touch and given back when the mapping goes. */
export const anonymous: Backend = {
  name: "anonymous",
  isShareable: true,
  canChangeFlags: true,
  open: (parts) => parts.anonymous,
};
