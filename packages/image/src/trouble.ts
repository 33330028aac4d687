import { PortolanError } from "@portolan/core/architecture";

/** A header that cannot be, and where it stands: a byte of the file. */
export const badImage = (at: number, because: string): PortolanError => new PortolanError("ERR_BAD_IMAGE", { at, because });

/** A kind of file that is known and not read. */
export const unsupported = (kind: string): PortolanError => new PortolanError("ERR_IMAGE_UNSUPPORTED", { kind });

/** A number in hexadecimal, as addresses are written in remarks and reasons. */
export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
