import { stdout } from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { styleText } from 'node:util';
import { type DumpOptions, partToJson, readPart } from './dump.js';
import { formatRows, type Part, rowWidth } from './hex.js';
import { endsByInterruption, interruption } from './interruption.js';
import { forOutput, hasColors, print } from './output.js';
import { openIfHeld } from './section.js';

/** Where the memory is shown. */
interface Screen {
  /** How many bytes there is room for. */
  capacity(): number;
  /** Whether what was drawn no longer fits. */
  isStale(): boolean;
  /** Shows a part, or that there is none, and marks the bytes at some indexes. */
  draw(part: Part | undefined, marked: ReadonlySet<number>): Promise<void>;
  end(): Promise<void>;
}

/**
 * Shows the memory of a section each time that it has changed, until it is interrupted.
 *
 * It opens the section anew for each look: an open handle would keep the name alive when the others have closed it, and
 * who then creates it would find the old contents.
 */
export async function follow(name: string, options: DumpOptions): Promise<void> {
  const signal = interruption();
  const screen = options.json ? jsonLines(name) : stdout.isTTY ? terminal(name) : textBlocks(name);
  try {
    await endsByInterruption(signal, show(name, options, screen, signal));
  } finally {
    await screen.end();
  }
}

async function show(name: string, options: DumpOptions, screen: Screen, signal: AbortSignal): Promise<void> {
  const { offset, length = Number.POSITIVE_INFINITY, interval } = options;
  let isFirst = true;
  let before: Part | undefined;
  for (;;) {
    const part = look(name, offset, offset + Math.min(length, screen.capacity()));
    if (isFirst || screen.isStale() || !isSame(before, part)) await screen.draw(part, changes(before, part));
    isFirst = false;
    before = part;
    await setTimeout(interval, undefined, { signal });
  }
}

function look(name: string, offset: number, end: number): Part | undefined {
  using mapping = openIfHeld(name);
  return mapping && readPart(mapping, offset, end);
}

function isSame(one: Part | undefined, other: Part | undefined): boolean {
  return one?.size === other?.size && Buffer.compare(one?.bytes ?? Buffer.of(), other?.bytes ?? Buffer.of()) === 0;
}

/** The indexes of the bytes that both parts have, and that differ. */
function changes(before: Part | undefined, now: Part | undefined): Set<number> {
  const changed = new Set<number>();
  if (before === undefined || now === undefined) return changed;
  for (let i = 0; i < Math.min(before.bytes.length, now.bytes.length); i++) {
    if (before.bytes[i] !== now.bytes[i]) changed.add(i);
  }
  return changed;
}

const nobody = (name: string) => `No process has '${forOutput(name)}' open.`;

/** A line of JSON for each change. */
function jsonLines(name: string): Screen {
  return {
    capacity: () => Number.POSITIVE_INFINITY,
    isStale: () => false,
    draw: (part, marked) =>
      print(
        part === undefined
          ? `${JSON.stringify({ name, size: null })}\n`
          : `${partToJson(name, part, { changed: [...marked].map((index) => part.offset + index) })}\n`,
      ),
    end: async () => {},
  };
}

/** All of the rows for each change, and an empty line behind them. */
function textBlocks(name: string): Screen {
  return {
    capacity: () => Number.POSITIVE_INFINITY,
    isStale: () => false,
    draw: (part, marked) =>
      print(`${(part === undefined ? [nobody(name)] : formatRows(part, { marked })).join('\n')}\n\n`),
    end: async () => {},
  };
}

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_SCREEN = '\x1b[H\x1b[2J';
const CLEAR_LINE = '\x1b[2K';
const CLEAR_BELOW = '\x1b[J';
const up = (lines: number) => `\x1b[${lines}A`;

/** The rows that fit, drawn over the ones before. */
function terminal(name: string): Screen {
  const highlight = hasColors() ? (text: string) => styleText(['bold', 'yellow', 'inverse'], text) : undefined;
  const size = () => ({ width: stdout.columns || 80, height: stdout.rows || 24 });
  const columns = () => [16, 8, 4].find((columns) => rowWidth(columns) <= size().width) ?? 2;
  let drawn: { lines: number; width: number; height: number } | undefined;
  const isStale = () => drawn !== undefined && (drawn.width !== size().width || drawn.height !== size().height);
  return {
    // One line is for the title, and one for the cursor.
    capacity: () => Math.max(1, size().height - 2) * columns(),
    isStale,
    async draw(part, marked) {
      const shown = part && `${part.size} bytes, ${part.bytes.length} from ${part.offset} on. Ctrl+C ends.`;
      const title = part === undefined ? nobody(name) : `'${forOutput(name)}': ${shown}`;
      const rows = part === undefined ? [] : formatRows(part, { columns: columns(), marked, highlight });
      const lines = [title.slice(0, size().width), ...rows];
      const start = drawn === undefined ? HIDE_CURSOR : isStale() ? CLEAR_SCREEN : up(drawn.lines);
      drawn = { lines: lines.length, ...size() };
      await print(`${start}${lines.map((line) => `${CLEAR_LINE}${line}\n`).join('')}${CLEAR_BELOW}`);
    },
    end: () => print(SHOW_CURSOR),
  };
}
