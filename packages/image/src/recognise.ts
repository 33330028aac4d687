import type { CachedSource } from "./cache.js";
import type { ImageFormat } from "./image.js";
import { unsupported } from "./trouble.js";

/** Files that begin in a known way and are not read here: text, or bytes in hexadecimal. */
const KNOWN: readonly (readonly [start: string, kind: string, at?: number])[] = [
  ["KDUMP   ", "kdump-compressed dump, as makedumpfile writes it"],
  ["DISKDUMP", "diskdump, compressed"],
  ["makedumpfile\0", "makedumpfile's flattened form, as QEMU's dump-guest-memory -z writes it; `makedumpfile -R` puts it in order"],
  ["AVML", "AVML, compressed with snappy; `avml-convert` makes LiME of it"],
  ["PAGEDU64", "Windows crash dump, 64 bits"],
  ["PAGEDUMP", "Windows crash dump, 32 bits"],
  ["MDMP", "Windows minidump"],
  ["hibr", "Windows hibernation file"],
  ["HIBR", "Windows hibernation file"],
  ["wake", "Windows hibernation file"],
  ["WAKE", "Windows hibernation file"],
  ["RSTR", "Windows hibernation file"],
  ["S1SUSPEND", "Linux hibernation image in a swap area", 4096 - 10],
  ["hex:d0bed2be", "VMware snapshot state (.vmsn, .vmss)"],
  ["hex:d1bad1ba", "VMware snapshot state (.vmsn, .vmss)"],
  ["hex:d2bed2be", "VMware snapshot state (.vmsn, .vmss)"],
  ["hex:d3bed3be", "VMware snapshot state (.vmsn, .vmss)"],
  ["\x7fVirtualBox SavedState", "VirtualBox saved state"],
  ["QEVM", "QEMU migration stream or saved machine"],
  ["LibvirtQemudSave", "libvirt's saved machine"],
  ["LibvirtQemudPart", "libvirt's saved machine, unfinished"],
  ["LinuxGuestRecord", "Xen's saved machine"],
  ["QFI\xfb", "qcow disk image, in which QEMU may keep snapshots"],
  ["KDMV", "VMware disk image (.vmdk)"],
  ["hex:7f10dabe", "VirtualBox disk image (.vdi)", 64],
  ["vhdxfile", "Hyper-V disk image (.vhdx)"],
  ["hex:a8190173618f23fd", "s390 stand-alone dump"],
  ["hex:a8190173618f23ed", "LKCD dump, compressed"],
  ["EVF\t\r\n\xff\0", "Expert Witness file (E01)"],
  ["hex:cffaedfe", "Mach-O file"],
  ["hex:cefaedfe", "Mach-O file"],
  ["hex:1f8b08", "file compressed with gzip"],
  ["hex:fd377a585a00", "file compressed with xz"],
  ["hex:28b52ffd", "file compressed with zstd"],
  ["hex:04224d18", "file compressed with lz4"],
  ["BZh", "file compressed with bzip2"],
  ["PK\x03\x04", "zip archive"],
  ["7z\xbc\xaf\x27\x1c", "7-Zip archive"],
];

const SIGNATURES = KNOWN.map(([start, kind, at = 0]) => ({ bytes: bytesOf(start), kind, at }));

function bytesOf(start: string): readonly number[] {
  if (!start.startsWith("hex:")) return Array.from(start, (letter) => letter.charCodeAt(0));
  return Array.from(start.slice(4).matchAll(/../g), ([pair]) => Number.parseInt(pair, 16));
}

/**
 * The format that the first bytes tell; raw if they tell nothing.
 *
 * @throws PortolanError `ERR_IMAGE_UNSUPPORTED` for a kind of file that is known and not read
 */
export const recognise = async (source: CachedSource): Promise<ImageFormat> => {
  const start = new Uint8Array(Math.min(4096, source.size));
  await source.read(0, start);
  const has = (bytes: readonly number[], at = 0): boolean => bytes.every((byte, i) => start[at + i] === byte);
  if (has(bytesOf("\x7fELF"))) return "elf-core";
  if (has(bytesOf("EMiL")) || has(bytesOf("LiME"))) return "lime";
  const known = SIGNATURES.find(({ bytes, at }) => has(bytes, at));
  if (known !== undefined) throw unsupported(known.kind);
  return "raw";
};
