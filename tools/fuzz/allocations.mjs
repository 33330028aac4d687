/** The largest typed array that anybody has made: readers and walkers allocate by what they have, never by what a header says. */

let largest = 0;

const watch = (Kind) =>
  new Proxy(Kind, {
    construct(target, given, newTarget) {
      if (typeof given[0] === "number") largest = Math.max(largest, given[0] * target.BYTES_PER_ELEMENT);
      return Reflect.construct(target, given, newTarget === watched.get(target) ? target : newTarget);
    },
  });
const watched = new Map();
for (const name of ["Uint8Array", "Uint16Array", "Uint32Array", "Float64Array"]) {
  const kind = globalThis[name];
  const proxy = watch(kind);
  watched.set(kind, proxy);
  globalThis[name] = proxy;
}

/** In bytes, since the last question. */
export const largestAllocation = () => {
  const answer = largest;
  largest = 0;
  return answer;
};
