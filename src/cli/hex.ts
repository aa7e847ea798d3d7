import type { Part, Picture, RowOptions } from './part.js';

/** Where there is no terminal, as many bytes in a row as `xxd` has. */
const COLUMNS = 16;

/** Rows of offset, hex and text, laid out as by `xxd`. */
export const hex: Picture = {
  capacity: (rows, width) => rows * columnsFor(width),

  rows(part, { before, width = rowWidth(COLUMNS), highlight } = {}) {
    const columns = columnsFor(width);
    const count = Math.ceil(part.bytes.length / columns);
    const marked = changes(before, part);
    return Array.from({ length: count }, (_, row) => formatRow(part, row * columns, columns, marked, highlight));
  },

  json(part, before) {
    const { size, offset, bytes } = part;
    const shown = { size, offset, hex: Buffer.from(bytes).toString('hex') };
    if (before === undefined) return shown;
    return { ...shown, changed: [...changes(before ?? undefined, part)].map((index) => offset + index) };
  },
};

/** How wide a row of so many bytes is, its asterisk included. */
function rowWidth(columns: number): number {
  return 10 + 2.5 * columns + 1 + columns + 2;
}

function columnsFor(width: number): number {
  return [COLUMNS, 8, 4].find((columns) => rowWidth(columns) <= width) ?? 2;
}

/** The indexes of the bytes that both parts have, and that differ. */
function changes(before: Part | undefined, now: Part): Set<number> {
  const changed = new Set<number>();
  if (before === undefined) return changed;
  for (let i = 0; i < Math.min(before.bytes.length, now.bytes.length); i++) {
    if (before.bytes[i] !== now.bytes[i]) changed.add(i);
  }
  return changed;
}

function formatRow(
  { offset, bytes }: Part,
  start: number,
  columns: number,
  marked: ReadonlySet<number>,
  highlight: RowOptions['highlight'],
): string {
  let hex = '';
  let text = '';
  let isMarked = false;
  for (let i = start; i < start + columns; i++) {
    const byte = bytes[i];
    const mark = marked.has(i) ? (highlight ?? identity) : identity;
    isMarked ||= marked.has(i);
    hex += byte === undefined ? '  ' : mark(byte.toString(16).padStart(2, '0'));
    if (i % 2 === 1) hex += ' ';
    if (byte !== undefined) text += mark(byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');
  }
  const asterisk = isMarked && highlight === undefined ? ' *' : '';
  return `${(offset + start).toString(16).padStart(8, '0')}: ${hex} ${text}${asterisk}`;
}

const identity = (text: string) => text;
