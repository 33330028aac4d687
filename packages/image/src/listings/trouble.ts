import { PortolanError } from "@portolan/core/architecture";

/** A listing that cannot be read, and where: both counted from 1. */
export const badListing = (line: number, column: number, because: string): PortolanError =>
  new PortolanError("ERR_BAD_LISTING", { line, column, because });
