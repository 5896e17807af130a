#!/usr/bin/env node
/**
 * Writes four weeks of a made-up subscription service as CSV, one file per week: which customers were looked at, what was known
 * of them, and whether they cancelled within the month. The same bytes every time; week 4 has a column renamed by mistake.
 * Usage: node make-data.mjs <folder>
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: node make-data.mjs <folder>');
  process.exit(2);
}
const WEEKS = 4;
const ROWS_PER_WEEK = 1500;
const FIRST_MONDAY_MS = Date.UTC(2024, 0, 1);
const WEEK_MS = 7 * 86_400_000;

/** A linear congruential generator (Numerical Recipes): enough for made-up data, and the same on every machine. */
let state = 20240101;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 4_294_967_296;
const whole = (most) => Math.floor(random() * (most + 1));

mkdirSync(folder, { recursive: true });
for (let week = 0; week < WEEKS; week++) {
  const tickets = week === 3 ? 'support_tickets' : 'tickets';
  const lines = [`seen_at,customer,tenure_days,orders,${tickets},discount_share,cancelled`];
  for (let row = 0; row < ROWS_PER_WEEK; row++) {
    const seenAt = new Date(FIRST_MONDAY_MS + week * WEEK_MS + Math.floor((row * WEEK_MS) / ROWS_PER_WEEK));
    const tenure = whole(1500);
    const orders = whole(20);
    const complaints = whole(random() < 0.3 ? 6 : 1);
    const discount = random();
    const score = -0.4 - tenure / 700 - orders / 12 + complaints * 0.7 + discount * 1.2;
    const cancelled = random() < 1 / (1 + Math.exp(-score)) ? 1 : 0;
    const when = seenAt.toISOString().slice(0, 19).replace('T', ' ');
    lines.push(`${when},c${week}${String(row).padStart(4, '0')},${tenure},${orders},${complaints},${discount.toFixed(3)},${cancelled}`);
  }
  writeFileSync(join(folder, `week-${week + 1}.csv`), `${lines.join('\n')}\n`);
}
console.log(`${WEEKS} files of ${ROWS_PER_WEEK} rows in ${folder}`);
