// What is in a message of a section's subject: a header, and the value itself or the list of its chunks.
//
//    0  u8   format, 1            4  f64  time, ms since 1970 on the engine's clock
//    1  u8   kind                12  8 bytes of origin, which tells one run of a mirror from all others
//    2  u16  0                   20  u32  length of the value in bytes
//
// A list has 28 bytes a chunk: 16 of its hash, and 12 of its key, which are zero for a chunk of zeros.
import { createHash } from 'node:crypto';

/** What changes are found, sent and merged by, in bytes. */
export const CHUNK = 65536;

/** The room that a message needs beside its chunk, with what the client and the server add. */
export const OVERHEAD = 4096;

const FORMAT = 1;
const HEADER = 24;
const HASH = 16;
const KEY = 12;

/** A text, in UTF-16; bytes of at most one chunk; a list of chunks. */
const KINDS = ['text', 'bytes', 'list'] as const;

/** Who is told from others by it: 8 bytes in hex. */
export type Origin = string;

/** A part of a value: what is in it, and in a list under which key the store has it. */
export interface Chunk {
  readonly hash: string;
  readonly key: string;
}

/** A section's value, as it is in the store. */
export interface Value {
  readonly kind: 'text' | 'bytes';
  readonly time: number;
  readonly origin: Origin;
  readonly length: number;
  readonly chunks: readonly Chunk[];
  /** The value itself, where it is not in chunks of their own. */
  readonly bytes?: Uint8Array;
}

/** The key of a chunk of zeros, which is stored nowhere. */
export const NO_KEY = '0'.repeat(2 * KEY);

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256')
    .update(bytes)
    .digest('hex')
    .slice(0, 2 * HASH);
}

const ZEROS = Buffer.alloc(CHUNK);

/** Whether bytes of at most one chunk are all zero. */
export const isZero = (bytes: Uint8Array) => ZEROS.subarray(0, bytes.length).equals(bytes);

/** How many chunks a value of that length has: a text that is empty has one, too. */
export const chunksOf = (length: number) => Math.max(1, Math.ceil(length / CHUNK));

export function encode({ kind, time, origin, length, chunks, bytes }: Value): Uint8Array {
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(FORMAT, 0);
  header.writeUInt8(KINDS.indexOf(bytes === undefined ? 'list' : kind), 1);
  header.writeDoubleLE(time, 4);
  header.write(origin, 12, 'hex');
  header.writeUInt32LE(length, 20);
  const rest = bytes ?? Buffer.from(chunks.map(({ hash, key }) => hash + key).join(''), 'hex');
  return Buffer.concat([header, rest]);
}

/** @returns `undefined` for what no mirror has sent */
export function decode(message: Uint8Array): Value | undefined {
  const buffer = Buffer.from(message.buffer, message.byteOffset, message.length);
  if (buffer.length < HEADER || buffer.readUInt8(0) !== FORMAT) return undefined;
  const kind = KINDS[buffer.readUInt8(1)];
  const length = buffer.readUInt32LE(20);
  const value = { time: buffer.readDoubleLE(4), origin: buffer.toString('hex', 12, 20), length };
  const rest = buffer.subarray(HEADER);
  if (kind === undefined || !Number.isFinite(value.time)) return undefined;
  if (kind !== 'list') {
    if (rest.length !== length || length > CHUNK) return undefined;
    return { ...value, kind, chunks: [{ hash: hashOf(rest), key: NO_KEY }], bytes: rest };
  }
  if (rest.length !== chunksOf(length) * (HASH + KEY)) return undefined;
  const chunks = Array.from({ length: chunksOf(length) }, (_, i) => {
    const start = i * (HASH + KEY);
    const key = start + HASH;
    return { hash: rest.toString('hex', start, key), key: rest.toString('hex', key, key + KEY) };
  });
  return { ...value, kind: 'bytes', chunks };
}
