/** Archives in the format that Linux unpacks as its first file system: `newc` of cpio (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). */

const MAGIC = "070701";
const TRAILER = "TRAILER!!!";
const KIND = { file: 0o100000, folder: 0o040000, device: 0o020000, disk: 0o060000 };

const hex = (value) => value.toString(16).toUpperCase().padStart(8, "0");
/** Names and contents end at multiples of four. */
const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);

const member = (number, { path, kind = "file", mode = 0o755, content = Buffer.alloc(0), device = [0, 0] }) => {
  const name = Buffer.from(`${path}\0`);
  const fields = [
    number,
    path === TRAILER ? 0 : KIND[kind] | mode,
    0, // user
    0, // group
    1, // links
    0, // time: the same archive every day
    content.length,
    0,
    0,
    ...device,
    name.length,
    0, // no checksum
  ];
  return [padded(Buffer.concat([Buffer.from(MAGIC + fields.map(hex).join("")), name])), padded(content)];
};

/**
 * One archive.
 * @param files `{ path, kind?: "file" | "folder" | "device" | "disk", mode?, content?, device?: [major, minor] }`; folders before what is in them
 */
export const cpio = (files) => Buffer.concat([...files, { path: TRAILER }].flatMap((file, i) => member(i + 1, file)));
