import { describe, requireInteger } from '../win32/arguments.js';
import type { Encoding } from './encodings.js';

/** What C's numbers are in TypeScript. */
export interface ScalarValue {
  int8_t: number;
  uint8_t: number;
  int16_t: number;
  uint16_t: number;
  int32_t: number;
  uint32_t: number;
  int64_t: bigint;
  uint64_t: bigint;
  float: number;
  double: number;
  bool: boolean;
  char: number;
}

/** How a field is read and written. */
export interface FieldCodec {
  /** In bytes. */
  readonly size: number;
  /** In bytes, before any packing. */
  readonly alignment: number;
  /** The method of `DataView` that is all there is to reading it. */
  readonly method?: `get${string}` & keyof DataView;
  read(data: DataView, offset: number): unknown;
  /** Throws errors that begin with the field's path before it has written anything of it. */
  write(data: DataView, offset: number, value: unknown, path: string): void;
}

/** A field at its place in a struct. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly codec: FieldCodec;
}

type Name = 'Int8' | 'Uint8' | 'Int16' | 'Uint16' | 'Int32' | 'Uint32';

function integer(name: Name): FieldCodec {
  const bits = Number(/\d+/.exec(name)?.[0]);
  const [least, most] = name.startsWith('U') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  return {
    size: bits / 8,
    alignment: bits / 8,
    method: `get${name}`,
    read: (data, offset) => data[`get${name}`](offset, true),
    write(data, offset, value, path) {
      requireInteger(path, value as number, least, most);
      data[`set${name}`](offset, value as number, true);
    },
  };
}

function bigInteger(name: 'BigInt64' | 'BigUint64'): FieldCodec {
  const [least, most] = name === 'BigUint64' ? [0n, 2n ** 64n - 1n] : [-(2n ** 63n), 2n ** 63n - 1n];
  return {
    size: 8,
    alignment: 8,
    method: `get${name}`,
    read: (data, offset) => data[`get${name}`](offset, true),
    write(data, offset, value, path) {
      if (typeof value !== 'bigint') throw new TypeError(`${path} must be a BigInt: it is ${describe(value)}`);
      if (value < least || value > most) {
        throw new RangeError(`${path} must be from ${least}n to ${most}n: it is ${value}n`);
      }
      data[`set${name}`](offset, value, true);
    },
  };
}

function floating(name: 'Float32' | 'Float64'): FieldCodec {
  const size = name === 'Float32' ? 4 : 8;
  return {
    size,
    alignment: size,
    method: `get${name}`,
    read: (data, offset) => data[`get${name}`](offset, true),
    write(data, offset, value, path) {
      if (typeof value !== 'number') throw new TypeError(`${path} must be a number: it is ${describe(value)}`);
      if (name === 'Float32' && Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
        throw new RangeError(`${path} must be within the range of a float: it is ${value}`);
      }
      data[`set${name}`](offset, value, true);
    },
  };
}

/** By their names in C. */
export const SCALARS: Readonly<Record<keyof ScalarValue, FieldCodec>> = {
  int8_t: integer('Int8'),
  uint8_t: integer('Uint8'),
  int16_t: integer('Int16'),
  uint16_t: integer('Uint16'),
  int32_t: integer('Int32'),
  uint32_t: integer('Uint32'),
  int64_t: bigInteger('BigInt64'),
  uint64_t: bigInteger('BigUint64'),
  float: floating('Float32'),
  double: floating('Float64'),
  bool: {
    size: 1,
    alignment: 1,
    read: (data, offset) => data.getUint8(offset) !== 0,
    write(data, offset, value, path) {
      if (typeof value !== 'boolean') throw new TypeError(`${path} must be a boolean: it is ${describe(value)}`);
      data.setUint8(offset, value ? 1 : 0);
    },
  },
  char: integer('Int8'),
};

export const SCALAR_NAMES = Object.keys(SCALARS) as (keyof ScalarValue)[];

export function arrayCodec(element: FieldCodec, length: number): FieldCodec {
  return {
    size: element.size * length,
    alignment: element.alignment,
    read(data, offset) {
      const values = [];
      for (let i = 0; i < length; i++) values.push(element.read(data, offset + i * element.size));
      return values;
    },
    write(data, offset, value, path) {
      if (!Array.isArray(value)) throw new TypeError(`${path} must be an array: it is ${describe(value)}`);
      if (value.length !== length) {
        throw new RangeError(`${path} must have ${length} elements: it has ${value.length}`);
      }
      for (let i = 0; i < length; i++) element.write(data, offset + i * element.size, value[i], `${path}[${i}]`);
    },
  };
}

export function textCodec(encoding: Encoding, length: number): FieldCodec {
  const size = length * encoding.unit;
  return {
    size,
    alignment: encoding.unit,
    read: (data, offset) => encoding.decode(new Uint8Array(data.buffer, data.byteOffset + offset, size)),
    write(data, offset, value, path) {
      const bytes = encoding.encode(path, value as string, length);
      new Uint8Array(data.buffer, data.byteOffset + offset, size).set(bytes);
    },
  };
}

/**
 * A function that reads all fields into an object.
 *
 * It is compiled for the struct, as an object literal with the offsets in it: a loop that stores by name takes ten times as
 * long. What is compiled holds numbers and quoted names alone. A loop it is where the runtime forbids to compile.
 */
export function compileReader(fields: readonly Field[]): FieldCodec['read'] {
  const reads = fields.map(({ codec }) => codec.read);
  const members = fields.map(({ name, offset, codec: { method } }, i) => {
    const read =
      method === undefined ? `reads[${i}](data, start + ${offset})` : `data.${method}(start + ${offset}, true)`;
    return `${JSON.stringify(name)}: ${read}`;
  });
  try {
    return new Function('reads', `return (data, start) => ({ ${members.join(', ')} });`)(reads);
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    return (data, start) =>
      Object.fromEntries(fields.map(({ name, offset, codec }) => [name, codec.read(data, start + offset)]));
  }
}
