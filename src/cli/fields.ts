import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Struct } from '../index.js';
import { quote } from './output.js';
import type { Part, Picture } from './part.js';
import { UsageError } from './usage-error.js';

/** What of a struct is used here. It may be another copy's of this package. */
type Layout = Pick<Struct, 'name' | 'size' | 'decode'>;

/** How many elements of an array are printed on its line. */
const SHOWN = 16;

/**
 * Loads a struct from a module: its default export, or the only struct that it exports.
 *
 * @param file the module's path, and after a `#` the name of an export if there are several
 * @throws {@link UsageError} if there is none
 */
export async function loadStruct(file: string): Promise<Layout> {
  const [path = '', wanted] = file.split('#');
  const exported = Object.entries(await importModule(path)).filter(([, value]) => isLayout(value));
  const candidates = wanted === undefined ? exported : exported.filter(([name]) => name === wanted);
  const only = candidates.length === 1 ? candidates[0] : undefined;
  const found = candidates.find(([name]) => name === 'default') ?? only;
  if (found !== undefined) return found[1] as Layout;
  const names = exported.map(([name]) => name).join(', ');
  const advice =
    exported.length === 0
      ? 'Export what struct() returns.'
      : `Name one of ${names}: --struct '${path}#${exported[0]?.[0]}'.`;
  throw new UsageError(
    `'${path}' exports ${exported.length === 0 ? 'no struct' : `${exported.length} structs`}. ${advice}`,
  );
}

async function importModule(path: string): Promise<object> {
  try {
    return await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw new UsageError(`'${path}' cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isLayout(value: unknown): boolean {
  const { name, size, decode } = (value ?? {}) as Partial<Layout>;
  return typeof name === 'string' && typeof size === 'number' && typeof decode === 'function';
}

/** The names and values of a struct's fields, a line each. */
export function fields(layout: Layout): Picture {
  const decode = ({ size, offset, bytes }: Part) => {
    if (bytes.length >= layout.size) return layout.decode(bytes);
    throw new UsageError(
      `${layout.name} has ${layout.size} bytes, which do not fit at offset ${offset} of a section of ${size}`,
    );
  };
  const changes = (before: Part | undefined, now: readonly Line[]) => {
    if (before === undefined) return new Set<string>();
    const earlier = new Map(linesOf(decode(before), ''));
    return new Set(now.filter(([path, text]) => earlier.get(path) !== text).map(([path]) => path));
  };
  return {
    capacity: () => layout.size,

    rows(part, { before, highlight } = {}) {
      const lines = linesOf(decode(part), '');
      const changed = changes(before, lines);
      const width = Math.max(...lines.map(([path]) => path.length));
      const mark = highlight ?? ((text: string) => `${text} *`);
      return lines.map(([path, text]) => `${path.padEnd(width)}  ${changed.has(path) ? mark(text) : text}`);
    },

    json(part, before) {
      const value = decode(part);
      const shown = { size: part.size, offset: part.offset, struct: layout.name, value };
      if (before === undefined) return shown;
      return { ...shown, changed: [...changes(before ?? undefined, linesOf(value, ''))] };
    },
  };
}

type Line = readonly [path: string, text: string];

function linesOf(value: unknown, path: string): Line[] {
  if (Array.isArray(value)) {
    const isOnOneLine = typeof value[0] !== 'object';
    return isOnOneLine ? [[path, listOf(value)]] : value.flatMap((each, i) => linesOf(each, `${path}[${i}]`));
  }
  if (typeof value !== 'object' || value === null) return [[path, textOf(value)]];
  const inside = path === '' ? '' : `${path}.`;
  return Object.entries(value).flatMap(([name, each]) => linesOf(each, `${inside}${name}`));
}

function listOf(values: readonly unknown[]): string {
  const shown = values.slice(0, SHOWN).map(textOf).join(', ');
  return values.length > SHOWN ? `[${shown}, … ${values.length} in all]` : `[${shown}]`;
}

const textOf = (value: unknown) => (typeof value === 'string' ? quote(value) : String(value));
