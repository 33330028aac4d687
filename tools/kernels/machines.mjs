/** The machines that a stock kernel is booted on: what to fetch, how QEMU is started, and what its monitor can tell of the tables. */

const PAGE = 4096;
const MIB = 2 ** 20;

/** 64 MiB are too little for the kernel and its first file system together. */
const RAM_MIB = 96;
const MORE_MIB = 192;

const x86 = { qemu: "qemu-system-x86_64", qemuPackage: "qemu-system-x86", console: "ttyS0", base: 0, ramMib: RAM_MIB };
const i386 = { ...x86, qemu: "qemu-system-i386", debian: "i386", compilerFlag: "-m32" };
const arm = { ramMib: RAM_MIB, qemuPackage: "qemu-system-arm", console: "ttyAMA0", base: 0x4000_0000, lists: [] };

/**
 * `lists`: the lists of the whole address space that QEMU's monitor makes on this machine. `parameters`: more of the kernel's
 * command line. ARM kernels stay where they were linked and print addresses as they are, since those are what the monitor is asked
 * about, page by page.
 */
const STOCK = {
  amd64: {
    ...x86,
    debian: "amd64",
    kernel: "linux-image-amd64",
    compilerFlag: "-m64",
    levels: 4,
    args: ["-M", "pc", "-cpu", "max,la57=off"],
    lists: ["info tlb", "info mem"],
  },
  // `info mem` prints nothing of use with five levels.
  "amd64-la57": {
    ...x86,
    debian: "amd64",
    kernel: "linux-image-amd64",
    compilerFlag: "-m64",
    levels: 5,
    args: ["-M", "pc", "-cpu", "max"],
    lists: ["info tlb"],
  },
  i386: { ...i386, kernel: "linux-image-686", levels: 2, args: ["-M", "pc", "-cpu", "max"], lists: ["info tlb", "info mem"] },
  "i386-pae": { ...i386, kernel: "linux-image-686-pae", levels: 3, args: ["-M", "pc", "-cpu", "max"], lists: ["info tlb", "info mem"] },
  armhf: {
    ...arm,
    debian: "armhf",
    wordBytes: 4,
    binutils: "arm-linux-gnueabi",
    qemu: "qemu-system-arm",
    kernel: "linux-image-armmp",
    levels: 2,
    parameters: "nokaslr no_hash_pointers",
    args: ["-M", "virt", "-cpu", "cortex-a15"],
  },
  arm64: {
    ...arm,
    debian: "arm64",
    wordBytes: 8,
    binutils: "aarch64-linux-gnu",
    qemu: "qemu-system-aarch64",
    kernel: "linux-image-arm64",
    levels: 4,
    parameters: "nokaslr no_hash_pointers",
    args: ["-M", "virt", "-cpu", "cortex-a57"],
  },
};

/** Kernels of other releases, whose entries that are not present are kept in other ways. */
const OTHERS = {
  "arm64-5.10": { ...STOCK.arm64, kind: "arm64", release: "bullseye", ramMib: MORE_MIB },
  "arm64-6.12": { ...STOCK.arm64, kind: "arm64", release: "trixie", ramMib: MORE_MIB },
  "armhf-6.12": { ...STOCK.armhf, kind: "armhf", release: "trixie", ramMib: MORE_MIB },
  riscv64: {
    qemu: "qemu-system-riscv64",
    qemuPackage: "qemu-system-misc",
    console: "ttyS0",
    base: 0x8000_0000,
    ramMib: MORE_MIB,
    debian: "riscv64",
    release: "trixie",
    binutils: "riscv64-linux-gnu",
    kernel: "linux-image-riscv64",
    levels: 3,
    parameters: "no5lvl no4lvl",
    args: ["-M", "virt"],
    lists: ["info mem"],
  },
};

export const MACHINES = { ...STOCK, ...OTHERS };

/** The machine of this name. `kind`: the stock machine that it is like. */
export const machineNamed = (name) => {
  const machine = MACHINES[name];
  if (machine === undefined) throw new Error(`no such machine: ${name}; there are ${Object.keys(MACHINES).join(", ")}`);
  return { name, kind: name, release: "bookworm", parameters: "", page: PAGE, ramBytes: machine.ramMib * MIB, ...machine };
};
