/**
 * Debian's packages of any architecture, fetched by apt with a state of its own: nothing is installed, and the architectures of this
 * machine stay as they are. What was fetched is kept, and used again without the network.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

/** Whose packages lie in the cache itself, and not in a folder of their release. */
const USUAL = "bookworm";
const MIRROR = "http://deb.debian.org/debian";
const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";
const FIVE_MINUTES = 300_000;
/** What is taken out of a package: the kernel with its module for disks of memory, which the guest swaps to; or the one program. */
const WANTED = ["./boot/vmlinu[xz]-*", "./*lib/modules/*/kernel/drivers/block/brd.ko*", "./*bin/busybox"];
/** Lies in an unpacked package and says what was taken out. */
const STAMP = "taken";

/** Something of the surroundings is missing, and nothing is wrong with us: apt, the keyring, the network. */
export class Unavailable extends Error {}

/** Runs a program to its end. @returns what it said @throws Unavailable that says what is missing */
const run = (program, args, cwd) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    timeout: FIVE_MINUTES,
    killSignal: "SIGKILL",
    maxBuffer: 2 ** 26,
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
  });
  if (error?.code === "ENOENT") throw new Unavailable(`${program} is not there: stock kernels are fetched where Debian's apt and dpkg are`);
  if (status !== 0) throw new Unavailable(`${program} failed: ${error?.message ?? stderr.trim().slice(-500)}`);
  return stdout;
};

/** An apt for one architecture with everything it writes below `folder`. */
const aptOf = (folder, architecture, release) => {
  for (const path of ["state/lists/partial", "cache/archives/partial", "parts"]) mkdirSync(join(folder, path), { recursive: true });
  writeFileSync(join(folder, "state/status"), "");
  if (!existsSync(KEYS)) throw new Unavailable(`${KEYS} is not there: apt-get install debian-archive-keyring`);
  writeFileSync(join(folder, "sources.list"), `deb [signed-by=${KEYS}] ${MIRROR} ${release} main\n`);
  const settings = {
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "30",
    "Dir::State": join(folder, "state"),
    "Dir::State::status": join(folder, "state/status"),
    "Dir::Cache": join(folder, "cache"),
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::Etc::sourceparts": join(folder, "parts"),
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": join(folder, "parts"),
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  // A mirror that does not answer is a warning only, unless this is said.
  return (program, ...args) => run(program, ["-q", "-o", "APT::Update::Error-Mode=any", ...options, ...args], folder);
};

/** The real package behind one that only depends on it. */
const behind = (apt, name) => {
  const found = /^\s*Depends: (linux-image-\S+)/m.exec(apt("apt-cache", "depends", name))?.[1];
  if (found === undefined) throw new Error(`${name} depends on no linux-image-…`);
  return found;
};

/** Takes what is wanted out of a package, all or nothing. */
const unpack = (archive, target) => {
  const half = `${target}.half`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  const patterns = WANTED.map((pattern) => `'${pattern}'`).join(" ");
  run("sh", ["-c", `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards ${patterns} 2>"$2/missing"; exit 0`, "sh", archive, half]);
  rmSync(join(half, "missing"));
  rmSync(target, { recursive: true, force: true });
  renameSync(half, target);
};

/** The one file of a folder whose name begins so. */
const onlyOne = (folder, beginning) => {
  const found = existsSync(folder) ? readdirSync(folder).find((name) => name.startsWith(beginning)) : undefined;
  return found === undefined ? null : join(folder, found);
};

/** A package's files: from the cache, else from Debian. @returns the folder that they are in */
const homeOf = (apt, folder, key, nameOf) => {
  const home = join(folder, key);
  const taken = join(home, STAMP);
  if (existsSync(taken) && readFileSync(taken, "utf8") === WANTED.join()) return home;
  const name = nameOf(apt());
  for (const old of readdirSync(folder)) if (old.startsWith(`${name}_`)) rmSync(join(folder, old));
  apt()("apt-get", "download", name);
  const archive = onlyOne(folder, `${name}_`);
  if (archive === null) throw new Error(`apt-get download ${name} left no file`);
  unpack(archive, home);
  writeFileSync(join(home, "package"), `${archive.slice(folder.length + 1)}\n`);
  writeFileSync(taken, WANTED.join());
  rmSync(archive);
  return home;
};

/** A file that the package must have. */
const fileOf = (home, place, beginning) => {
  const path = onlyOne(join(home, place), beginning);
  if (path === null) throw new Error(`${home} has no ${place}/${beginning}…`);
  return path;
};

/**
 * The stock kernel and busybox for a machine, and the kernel's module for disks of memory, or null.
 * @param cache a folder of ours that may be filled
 * @throws Unavailable that says what is missing: apt, the keyring, the network
 */
export const fetchMachine = (cache, { debian, kernel, release }) => {
  const folder = join(cache, ...(release === USUAL ? [] : [release]), debian);
  mkdirSync(folder, { recursive: true });
  let ready = null;
  // The lists are fetched only if a package must be.
  const apt = () => {
    if (ready === null) {
      const fresh = aptOf(folder, debian, release);
      fresh("apt-get", "update");
      ready = fresh;
    }
    return ready;
  };
  const home = homeOf(apt, folder, kernel, (asked) => behind(asked, kernel));
  const shell = homeOf(apt, folder, "busybox-static", () => "busybox-static");
  const image = fileOf(home, "boot", "vmlinu");
  // What was /lib and /bin is /usr/lib and /usr/bin in later releases.
  const within = (root) => join(home, root, "modules", basename(image).replace(/^vmlinu[xz]-/, ""), "kernel/drivers/block");
  return {
    kernel: image,
    brd: onlyOne(within("lib"), "brd.ko") ?? onlyOne(within("usr/lib"), "brd.ko"),
    busybox: existsSync(join(shell, "usr/bin")) ? fileOf(shell, "usr/bin", "busybox") : fileOf(shell, "bin", "busybox"),
  };
};
