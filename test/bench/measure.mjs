/** How the benchmark measures: rows by turns, in several rounds, each row's best. */
import { clearLine, cursorTo } from 'node:readline';
import { measure } from 'mitata';

/** Set with `--quick`: everything once, to see that it runs. The figures mean nothing then. */
export const quick = process.argv.includes('--quick');

/**
 * A row of a comparison. `value` is in nanoseconds, if the comparison names no other unit; a row without one says in
 * `note` why. `noise` is how far its rounds were from that in the median, as a part of it, where it had rounds. `kind` is
 * `floor` for a lower bound, `ours`, or `peer`.
 *
 * @typedef {{ name: string, kind: 'floor' | 'ours' | 'peer', value?: number, noise?: number, note?: string }} Row
 * @typedef {{ group: string, title: string, unit: 'ns' | 'ms' | 'KiB' | '/s', rows: Row[], chart?: boolean }} Comparison
 */

let shown = 0;

/** Says on stderr what is under way: on a terminal in one line, elsewhere in a line each. */
export function progress(what) {
  shown++;
  const line = `[${String(shown).padStart(2)}] ${what}`;
  if (!process.stderr.isTTY) {
    process.stderr.write(`${line}\n`);
    return;
  }
  cursorTo(process.stderr, 0);
  clearLine(process.stderr, 0);
  process.stderr.write(line);
}

/** Takes the line away. */
export function progressEnds() {
  if (!process.stderr.isTTY) return;
  cursorTo(process.stderr, 0);
  clearLine(process.stderr, 0);
}

/** The median of some numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const measureOnce = (run, milliseconds) =>
  measure(run, {
    min_cpu_time: milliseconds * 1e6,
    // Longer calls are timed one by one, so that an interruption spoils one and not a whole batch.
    batch_threshold: 5_000,
    batch_samples: quick ? 16 : 256,
    gc: false,
  });

/** V8 favours the first functions that mitata's loop ever calls, so these are none of ours. */
async function settle() {
  for (let i = 0; i < 6; i++) await measureOnce(new Function(`return ${i}`), 1);
}
let settled;

/**
 * A row of a figure that was measured elsewhere; `note` says why there may be none.
 *
 * @returns {Row}
 */
export const row = (name, kind, value, note) => ({ name, kind, ...(value === undefined ? { note } : { value }) });

/** How far rounds were from a value in the median, as a part of it. */
const noiseOf = (rounds, value) => median(rounds.map((round) => Math.abs(round - value))) / value;

/** The lowest of the medians of each few measurements in turn. */
export function lowestMedian(times, few = 5) {
  const medians = [];
  for (let i = 0; i < times.length; i += few) medians.push(median(times.slice(i, i + few)));
  return Math.min(...medians);
}

/**
 * Measures functions by turns. A row's figure is the lowest of its rounds' medians: what else runs on the machine makes
 * a round slower, and never faster. That does not hold for what wakes another process: a round is fast if the system
 * happens to run both on one processor. So the figure of such rows is the median of the medians.
 *
 * @param rows with `run` to measure, which may return a promise, and `before` to call before each round
 * @returns {Promise<Row[]>}
 */
export async function compare(rows, { rounds = 6, milliseconds = 25, isWaking = false } = {}) {
  settled ??= settle();
  await settled;
  const medians = new Map(rows.map(({ name }) => [name, []]));
  for (let round = 0; round < (quick ? 1 : rounds); round++) {
    for (const { name, run, before } of rows) {
      if (run === undefined) continue;
      before?.();
      const { p50 } = await measureOnce(run, quick ? 1 : milliseconds);
      medians.get(name).push(p50);
    }
  }
  return rows.map(({ name, kind, note, run }) => {
    if (run === undefined) return { name, kind, note };
    const value = isWaking ? median(medians.get(name)) : Math.min(...medians.get(name));
    return { name, kind, value, noise: noiseOf(medians.get(name), value) };
  });
}
