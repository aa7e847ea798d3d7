/** A part of a section's memory at one moment. */
export interface Part {
  /** Of the whole section, in bytes. */
  readonly size: number;
  /** Of the part in the section, in bytes. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface RowOptions {
  /** How many bytes a row has, an even number. Default: 16. */
  readonly columns?: number;
  /** The indexes in the part of the bytes to mark. */
  readonly marked?: ReadonlySet<number>;
  /** How to mark a byte. By default the row has an asterisk at its end. */
  readonly highlight?: ((text: string) => string) | undefined;
}

/** How wide a row of so many bytes is, its asterisk included. */
export function rowWidth(columns: number): number {
  return 10 + 2.5 * columns + 1 + columns + 2;
}

/** A part in rows of offset, hex and text, laid out as by `xxd`. */
export function formatRows(part: Part, options: RowOptions = {}): string[] {
  const { columns = 16 } = options;
  const count = Math.ceil(part.bytes.length / columns);
  return Array.from({ length: count }, (_, row) => formatRow(part, row * columns, columns, options));
}

function formatRow({ offset, bytes }: Part, start: number, columns: number, { marked, highlight }: RowOptions): string {
  let hex = '';
  let text = '';
  let isMarked = false;
  for (let i = start; i < start + columns; i++) {
    const byte = bytes[i];
    const mark = marked?.has(i) ? (highlight ?? identity) : identity;
    isMarked ||= marked?.has(i) ?? false;
    hex += byte === undefined ? '  ' : mark(byte.toString(16).padStart(2, '0'));
    if (i % 2 === 1) hex += ' ';
    if (byte !== undefined) text += mark(byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');
  }
  const asterisk = isMarked && highlight === undefined ? ' *' : '';
  return `${(offset + start).toString(16).padStart(8, '0')}: ${hex} ${text}${asterisk}`;
}

const identity = (text: string) => text;
