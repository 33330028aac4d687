/**
 * A few words with QEMU's stub for debuggers (GDB manual, "Remote Serial Protocol"): ARM's translation registers are told by nobody
 * else, and its monitor translates as the processor would at that moment, so it must be brought into the kernel for the kernel's half.
 */
import { createConnection } from "node:net";

const PATIENCE_MS = 20_000;
/** Asked for at once of a description. */
const CHUNK = 0x800;

const sumOf = (text) => [...Buffer.from(text, "latin1")].reduce((sum, byte) => (sum + byte) & 255, 0);
const framed = (text) => `$${text}#${sumOf(text).toString(16).padStart(2, "0")}`;
/** In answers `}` stands before a byte that was changed, and `*` before a count. */
const unescaped = (text) =>
  text
    .replaceAll(/\}([\s\S])/g, (_, next) => String.fromCharCode(next.charCodeAt(0) ^ 0x20))
    .replaceAll(/([\s\S])\*([\s\S])/g, (_, byte, count) => byte.repeat(count.charCodeAt(0) - 28));

export class GdbStub {
  #socket;
  #heard = "";
  #waiting = null;

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (data) => {
      this.#heard += data.toString("latin1");
      this.#waiting?.();
    });
  }

  static connect(path) {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once("error", reject);
      socket.once("connect", () => resolve(new GdbStub(socket)));
    });
  }

  close() {
    this.#socket.destroy();
  }

  async ask(text) {
    this.#socket.write(framed(text), "latin1");
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const [whole, body] = /^[+-]*\$([^#]*)#[0-9a-f]{2}/.exec(this.#heard) ?? [];
      if (whole !== undefined) {
        this.#heard = this.#heard.slice(whole.length);
        this.#socket.write("+");
        return unescaped(body);
      }
      if (Date.now() > deadline) throw new Error(`QEMU's debugger stub does not answer ${text}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Numbers of all registers that the stub knows, by name. */
  async numbers() {
    await this.ask("qSupported:xmlRegisters=arm");
    const target = await this.#description("target.xml");
    const numbers = {};
    let next = 0;
    for (const [, file] of target.matchAll(/<xi:include href="([^"]+)"/g)) {
      const text = await this.#description(file);
      for (const [, attributes] of text.matchAll(/<reg ([^>]*)\/?>/g)) {
        const name = /name="([^"]+)"/.exec(attributes)?.[1];
        const number = /regnum="(\d+)"/.exec(attributes)?.[1];
        next = number === undefined ? next : Number(number);
        numbers[name] = next;
        next += 1;
      }
    }
    return numbers;
  }

  /** A register's value; it travels as bytes, the low one first. */
  async register(number) {
    const answer = await this.ask(`p${number.toString(16)}`);
    if (!/^([0-9a-f]{2})+$/.test(answer)) throw new Error(`register ${number}: ${answer}`);
    return BigInt(`0x${Buffer.from(answer, "hex").reverse().toString("hex")}`);
  }

  async setRegister(number, value, bytes) {
    const content = Buffer.from(value.toString(16).padStart(2 * bytes, "0"), "hex").reverse();
    const answer = await this.ask(`P${number.toString(16)}=${content.toString("hex")}`);
    if (answer !== "OK") throw new Error(`register ${number} cannot be set: ${answer}`);
  }

  /** One instruction, or the exception that it takes. */
  async step() {
    const answer = await this.ask("s");
    if (!/^[ST]05/.test(answer)) throw new Error(`a single step ended with ${answer}`);
  }

  async #description(file) {
    let text = "";
    for (;;) {
      const answer = await this.ask(`qXfer:features:read:${file}:${text.length.toString(16)},${CHUNK.toString(16)}`);
      text += answer.slice(1);
      if (answer[0] === "l") return text;
      if (answer[0] !== "m") throw new Error(`QEMU's debugger stub has no ${file}: ${answer}`);
    }
  }
}
