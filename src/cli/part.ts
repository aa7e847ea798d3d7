import type { FileMapping } from '../index.js';
import { UsageError } from './usage-error.js';

export interface DumpOptions {
  readonly offset: number;
  readonly length?: number;
  readonly follow?: boolean;
  readonly interval: number;
  readonly json?: boolean;
  /** The module of a struct. */
  readonly struct?: string;
}

/** A part of a section's memory at one moment. */
export interface Part {
  /** The whole section's, in bytes. */
  readonly size: number;
  /** Where the part begins in the section, in bytes. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A view begins at a multiple of this. */
const GRANULARITY = 2 ** 16;

/** Refuses an offset that is not within the section. */
export function requireOffset({ name, size }: FileMapping, offset: number): void {
  if (offset < size) return;
  throw new UsageError(`--offset must be below the size of '${name}', which is ${size}: it is ${offset}`);
}

/** Copies a part of the memory, as much of it as exists. */
export function readPart(mapping: FileMapping, offset: number, wantedEnd: number): Part {
  const { size } = mapping;
  const end = Math.min(wantedEnd, size);
  if (offset >= end) return { size, offset, bytes: new Uint8Array(0) };
  const start = offset - (offset % GRANULARITY);
  using view = mapping.mapView({ offset: start, length: end - start });
  return { size, offset, bytes: view.snapshot(offset - start, end - offset) };
}

/** How a part is shown. */
export interface Picture {
  /** How many bytes of a section fit into so many rows of that width. */
  capacity(rows: number, width: number): number;
  /** Marks what has changed since an earlier look: by an asterisk, or a highlight. */
  rows(part: Part, options?: RowOptions): string[];
  /** What to print of it as JSON. With an earlier look, or `null` at the first one, it says what has changed. */
  json(part: Part, before?: Part | null): object;
}

export interface RowOptions {
  readonly before?: Part | undefined;
  readonly width?: number;
  readonly highlight?: ((text: string) => string) | undefined;
}

/** A line of JSON. Numbers of 64 bits become strings, as JSON's readers have no room for them. */
export function toJsonLine(value: object): string {
  return `${JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each))}\n`;
}
