/** Up to this many UTF-16 code units, a loop finds the terminator in less time than decoding takes. */
const SHORT = 32;

/** How many UTF-16 code units of a longer text are decoded first, and how many times more each time after that. */
const FIRST_PIECE = 128;
const GROWTH = 16;

/**
 * What `toString('utf16le')` and `write` of a `Buffer` come down to in Node, and what its types leave out. Without what
 * those two have to ask first, a short text takes a tenth less time.
 */
interface NodeBuffer extends Buffer {
  ucs2Slice?(start: number, end: number): string;
  ucs2Write?(text: string, offset: number): number;
}

function decode(memory: NodeBuffer, start: number, end: number): string {
  return memory.ucs2Slice ? memory.ucs2Slice(start, end) : memory.toString('utf16le', start, end);
}

/**
 * The null-terminated UTF-16 text in memory that nothing else writes meanwhile.
 *
 * @param offset where it begins, in bytes
 * @param units how many UTF-16 code units it has at most
 * @internal
 */
export function decodeText(memory: Buffer, offset: number, units: number): string {
  let length = 0;
  for (let i = offset; length < units && length < SHORT; i += 2, length++) {
    if (memory[i] === 0 && memory[i + 1] === 0) return decode(memory, offset, i);
  }
  if (length === units) return decode(memory, offset, offset + units * 2);
  // Looking for a terminator in a string costs much less than in memory, so longer texts are decoded on suspicion.
  for (let piece = FIRST_PIECE; ; piece *= GROWTH) {
    const text = decode(memory, offset, offset + Math.min(piece, units) * 2);
    const end = text.indexOf('\0');
    if (end >= 0) return text.slice(0, end);
    if (piece >= units) return text;
  }
}

/**
 * The null-terminated UTF-16 text in shared memory. It ends at its first U+0000, whatever is written meanwhile: the
 * copy is searched once more. Parameters as of {@link decodeText}.
 *
 * @internal
 */
export function readText(memory: Buffer, offset: number, units: number): string {
  const text = decodeText(memory, offset, units);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/**
 * Writes a text as UTF-16, and its terminator.
 *
 * @param text without U+0000, for which there is room
 * @param offset where it begins, in bytes
 * @internal
 */
export function writeText(memory: NodeBuffer, text: string, offset: number): void {
  const written = memory.ucs2Write ? memory.ucs2Write(text, offset) : memory.write(text, offset, 'utf16le');
  const end = offset + written;
  memory[end] = 0;
  memory[end + 1] = 0;
}
