import { invalid, type Numbers } from './checks.js';
import { ascendingOrder } from './order.js';

/**
 * Cuts rows into `blocks` consecutive stretches of time of about equally many rows, oldest first; rows of one instant stay
 * together. Refuses fewer instants than blocks. Row numbers ascend within a block.
 */
export function timeBlocks(field: string, timesMs: Numbers, blocks: number): Uint32Array[] {
  const order = ascendingOrder(timesMs);
  const ends: number[] = [];
  let instantsLeft = 0;
  for (let i = 0; i < order.length; i++) if (endsInstant(timesMs, order, i)) instantsLeft++;
  if (instantsLeft < blocks) throw invalid(field, instantsLeft, `needs at least ${blocks} different times`);
  for (let i = 0; i < order.length && ends.length < blocks - 1; i++) {
    if (!endsInstant(timesMs, order, i)) continue;
    instantsLeft--;
    const full = (i + 1) * blocks >= (ends.length + 1) * order.length;
    // The blocks still to come need an instant each.
    if (full || instantsLeft === blocks - ends.length - 1) ends.push(i + 1);
  }
  return [...ends, order.length].map((end, block) => order.slice(block === 0 ? 0 : ends[block - 1]!, end).sort());
}

function endsInstant(timesMs: Numbers, order: Uint32Array, i: number): boolean {
  return i + 1 === order.length || timesMs[order[i + 1]!] !== timesMs[order[i]!];
}
