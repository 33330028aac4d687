import type { VmcoreInfo } from "../image.js";

/** @see Linux Documentation/admin-guide/kdump/vmcoreinfo.rst and kernel/vmcore_info.c: symbols and the offset are hexadecimal */
export const parseVmcoreInfo = (text: string): VmcoreInfo => {
  const lines = new Map<string, string>();
  const symbols = new Map<string, bigint>();
  const numbers = new Map<string, bigint>();
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    if (equals <= 0) continue;
    const key = line.slice(0, equals);
    const value = line.slice(equals + 1);
    lines.set(key, value);
    const [, kind, name = ""] = /^(SYMBOL|NUMBER)\(([^()]*)\)$/.exec(key) ?? [];
    const symbol = kind === "SYMBOL" ? hexadecimal(value) : undefined;
    if (symbol !== undefined) symbols.set(name, symbol);
    const number = kind === "NUMBER" ? decimal(value) : undefined;
    if (number !== undefined) numbers.set(name, number);
  }
  const pageSize = decimal(lines.get("PAGESIZE") ?? "");
  const kernelOffset = hexadecimal(lines.get("KERNELOFFSET") ?? "");
  const release = lines.get("OSRELEASE");
  return {
    lines,
    symbols,
    numbers,
    ...(pageSize !== undefined && pageSize > 0n && pageSize <= 2n ** 32n ? { pageSize: Number(pageSize) } : {}),
    ...(kernelOffset === undefined ? {} : { kernelOffset }),
    ...(release === undefined ? {} : { release }),
  };
};

const hexadecimal = (value: string): bigint | undefined =>
  /^(0x)?[0-9a-f]{1,16}$/i.test(value) ? BigInt(`0x${value.replace(/^0x/i, "")}`) : undefined;

/** Some numbers are written with 0x; some are negative. */
const decimal = (value: string): bigint | undefined => {
  if (/^0x[0-9a-f]{1,16}$/i.test(value)) return BigInt(value);
  return /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
};
