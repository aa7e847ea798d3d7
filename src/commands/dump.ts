import { FileMapping } from '../index.js';
import { SECTION_NAME } from '../shared-mem.js';
import { formatRows, type Part } from './hex.js';
import { print } from './output.js';
import { UsageError, withUserInput } from './usage-error.js';

export interface DumpOptions {
  readonly offset: number;
  readonly length?: number;
  readonly follow?: boolean;
  readonly interval: number;
  readonly json?: boolean;
}

/** How much is mapped and printed at a time, in bytes: a section may be larger than any array. */
const CHUNK = 2 ** 20;

/** A view begins at a multiple of this. */
const GRANULARITY = 2 ** 16;

/** Prints the memory of a section, once or each time that it has changed. It only reads, and keeps nothing alive. */
export async function dump(name = SECTION_NAME, options: DumpOptions): Promise<void> {
  using mapping = withUserInput(() => FileMapping.open(name, { access: 'read' }));
  const { size } = mapping;
  if (options.offset >= size) {
    throw new UsageError(`--offset must be below the size of '${name}', which is ${size}: it is ${options.offset}`);
  }
  if (options.follow) {
    mapping.close();
    return (await import('./follow.js')).follow(name, options);
  }
  const end = Math.min(size, options.offset + (options.length ?? size));
  if (options.json) return print(`${partToJson(name, readPart(mapping, options.offset, end))}\n`);
  for (let offset = options.offset; offset < end; offset += CHUNK) {
    const rows = formatRows(readPart(mapping, offset, Math.min(offset + CHUNK, end)));
    await print(`${rows.join('\n')}\n`);
  }
}

/** Copies a part of the memory, as far as there is one. */
export function readPart(mapping: FileMapping, offset: number, wantedEnd: number): Part {
  const { size } = mapping;
  const end = Math.min(wantedEnd, size);
  if (offset >= end) return { size, offset, bytes: new Uint8Array(0) };
  const start = offset - (offset % GRANULARITY);
  using view = mapping.mapView({ offset: start, length: end - start });
  return { size, offset, bytes: view.snapshot(offset - start, end - offset) };
}

/** A part as a line of JSON. */
export function partToJson(name: string, { size, offset, bytes }: Part, more: object = {}): string {
  return JSON.stringify({ name, size, offset, hex: Buffer.from(bytes).toString('hex'), ...more });
}
