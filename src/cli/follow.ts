import { stdout } from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { styleText } from 'node:util';
import { FileMapping } from '../index.js';
import { endsByInterruption, interruption } from './interruption.js';
import { forOutput, hasColors, print } from './output.js';
import { type DumpOptions, type Part, type Picture, readPart, requireOffset, toJsonLine } from './part.js';
import { openIfHeld } from './section.js';
import { withUserInput } from './user-input.js';

/** Where the memory is shown. */
interface Screen {
  /** How many bytes fit. */
  capacity(): number;
  /** Whether what was drawn no longer fits. */
  isStale(): boolean;
  /** Shows a part, or that there is none, and marks what has changed. */
  draw(part: Part | undefined, before: Part | undefined): Promise<void>;
  end(): Promise<void>;
}

/**
 * Shows the memory of a section each time that it changes, until it is interrupted. The section may appear later.
 *
 * It opens the section anew for each look. An open handle would keep the name alive after the others have closed theirs,
 * and the next program that creates the section would find the old contents.
 */
export async function follow(name: string, picture: Picture, options: DumpOptions): Promise<void> {
  const signal = interruption();
  const screenFor = options.json ? jsonLines : stdout.isTTY ? terminal : textBlocks;
  const screen = screenFor(name, picture);
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
  while (true) {
    const part = look(name, offset, offset + Math.min(length, screen.capacity()));
    if (isFirst || screen.isStale() || !isSame(before, part)) await screen.draw(part, before);
    isFirst = false;
    before = part;
    if (part === undefined) (await FileMapping.waitFor(name, { access: 'read', interval, signal })).close();
    else await setTimeout(interval, undefined, { signal });
  }
}

function look(name: string, offset: number, end: number): Part | undefined {
  using mapping = withUserInput(() => openIfHeld(name));
  if (mapping === undefined) return undefined;
  requireOffset(mapping, offset);
  return readPart(mapping, offset, end);
}

function isSame(one: Part | undefined, other: Part | undefined): boolean {
  return one?.size === other?.size && Buffer.compare(one?.bytes ?? Buffer.of(), other?.bytes ?? Buffer.of()) === 0;
}

const notOpen = (name: string) => `No process has '${forOutput(name)}' open.`;

/** A line of JSON for each change. */
function jsonLines(name: string, picture: Picture): Screen {
  return {
    capacity: () => Number.POSITIVE_INFINITY,
    isStale: () => false,
    draw: (part, before) =>
      print(toJsonLine(part === undefined ? { name, size: null } : { name, ...picture.json(part, before ?? null) })),
    end: async () => {},
  };
}

/** All of the rows for each change, and an empty line after them. */
function textBlocks(name: string, picture: Picture): Screen {
  return {
    capacity: () => Number.POSITIVE_INFINITY,
    isStale: () => false,
    draw: (part, before) =>
      print(`${(part === undefined ? [notOpen(name)] : picture.rows(part, { before })).join('\n')}\n\n`),
    end: async () => {},
  };
}

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_SCREEN = '\x1b[H\x1b[2J';
const CLEAR_LINE = '\x1b[2K';
const CLEAR_BELOW = '\x1b[J';
const up = (lines: number) => `\x1b[${lines}A`;

/** The rows that fit, drawn over the previous ones. */
function terminal(name: string, picture: Picture): Screen {
  const highlight = hasColors() ? (text: string) => styleText(['bold', 'yellow', 'inverse'], text) : undefined;
  const size = () => ({ width: stdout.columns || 80, height: stdout.rows || 24 });
  // One line is for the title, and one for the cursor.
  const rows = () => Math.max(1, size().height - 2);
  let drawn: { lines: number; width: number; height: number } | undefined;
  const isStale = () => drawn !== undefined && (drawn.width !== size().width || drawn.height !== size().height);
  return {
    capacity: () => picture.capacity(rows(), size().width),
    isStale,
    async draw(part, before) {
      const shown = part && `${part.size} bytes, ${part.bytes.length} from ${part.offset} on. Ctrl+C ends.`;
      const title = part === undefined ? notOpen(name) : `'${forOutput(name)}': ${shown}`;
      const shownRows = part === undefined ? [] : picture.rows(part, { before, width: size().width, highlight });
      const lines = [title.slice(0, size().width), ...shownRows.slice(0, rows())];
      const start = drawn === undefined ? HIDE_CURSOR : isStale() ? CLEAR_SCREEN : up(drawn.lines);
      drawn = { lines: lines.length, ...size() };
      await print(`${start}${lines.map((line) => `${CLEAR_LINE}${line}\n`).join('')}${CLEAR_BELOW}`);
    },
    end: () => print(SHOW_CURSOR),
  };
}
