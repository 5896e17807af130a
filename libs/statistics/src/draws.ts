import { seededRandom } from '@rondo/kernel';

/**
 * Uniform draws with replacement, added up as counts. The generator is sfc32 as in the kernel, but stepped in local
 * variables: a call per draw costs four times as much, and resampling does nothing else.
 */
export class CountedDraws {
  private readonly state: Int32Array;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.state = Int32Array.from({ length: 4 }, () => random.int(4_294_967_296) | 0);
  }

  /** Adds one to random entries of `counts`, `times` times, each entry equally likely; or to some of them alone. */
  add(
    counts: Uint16Array | Uint32Array,
    times: number,
    { from, entries }: { readonly from: number; readonly entries: number } = { from: 0, entries: counts.length },
  ): void {
    const { state } = this;
    let a = state[0]! | 0;
    let b = state[1]! | 0;
    let c = state[2]! | 0;
    let counter = state[3]! | 0;
    const scale = entries / 4_294_967_296;
    for (let i = 0; i < times; i++) {
      const drawn = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + drawn) | 0;
      counts[from + (((drawn >>> 0) * scale) >>> 0)]!++;
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = counter;
  }
}
