import { describe, oneOf, requireInteger, requireOptions } from '../win32/arguments.js';
import { type Encoding, encodingOf } from './encodings.js';
import {
  arrayCodec,
  compileReader,
  type Field,
  type FieldCodec,
  SCALAR_NAMES,
  SCALARS,
  type ScalarValue,
  textCodec,
} from './struct-codec.js';

/**
 * A number in C: the fixed-width integers, `float`, `double`, `bool` (one byte) and `char`. `char` is a number from -128
 * to 127 here, as for compilers on x86; a `char[]` that holds text is a {@link text}. `long` and `wchar_t` have other sizes on
 * other systems, so they are not offered: on Windows they are `int32_t` and `uint16_t`.
 *
 * @group Structs
 * @example
 * ```ts
 * import { type ScalarType, struct } from 'dllmemfilemap';
 *
 * const counter: ScalarType = 'uint64_t';
 * struct({ counter }).size; // 8
 * ```
 */
export type ScalarType = keyof ScalarValue;

/**
 * What a field of a struct may be.
 *
 * @group Structs
 * @example
 * ```ts
 * import { array, type FieldType, struct, text } from 'dllmemfilemap';
 *
 * const types: FieldType[] = ['float', array('float', 3), text('utf-8', 16), struct({ x: 'double' })];
 * types.length; // 4
 * ```
 */
export type FieldType = ScalarType | ArrayType | TextType | Struct;

/**
 * An array of C, such as `float[3]`. Made by {@link array}.
 *
 * @group Structs
 * @example
 * ```ts
 * import { array, type ArrayType } from 'dllmemfilemap';
 *
 * const position: ArrayType<'float'> = array('float', 3);
 * position.length; // 3
 * ```
 */
export class ArrayType<T extends FieldType = FieldType> {
  /** @internal */
  constructor(
    /** The type of an element. */
    readonly element: T,
    /** How many elements there are. */
    readonly length: number,
  ) {
    Object.freeze(this);
  }
}

/**
 * A text in a field of a fixed length, such as `char[64]`. Made by {@link text}.
 *
 * @group Structs
 * @example
 * ```ts
 * import { text, type TextType } from 'dllmemfilemap';
 *
 * const name: TextType = text('windows-1252', 64);
 * name.length; // 64
 * ```
 */
export class TextType {
  readonly #encoding: Encoding;

  /** @internal */
  constructor(
    encoding: Encoding,
    /** The length of the field, in units of its encoding. */
    readonly length: number,
  ) {
    this.#encoding = encoding;
    Object.freeze(this);
  }

  /** @internal */
  static encodingOf(type: TextType): Encoding {
    return type.#encoding;
  }
}

/** What a field's value is in TypeScript. */
type FieldValue<T> = T extends ScalarType
  ? ScalarValue[T]
  : T extends ArrayType<infer E>
    ? FieldValue<E>[]
    : T extends TextType
      ? string
      : T extends Struct<infer F>
        ? { -readonly [K in keyof F]: FieldValue<F[K]> }
        : never;

/**
 * The values of a struct in TypeScript: numbers, BigInts for `int64_t` and `uint64_t`, booleans, strings for texts, arrays,
 * and objects for structs in it.
 *
 * @group Structs
 * @example
 * ```ts
 * import { array, struct, type StructValue } from 'dllmemfilemap';
 *
 * const Car = struct({ id: 'int32_t', position: array('double', 3) });
 * type Car = StructValue<typeof Car>;
 *
 * const car: Car = { id: 7, position: [1, 2, 3] };
 * Car.encode(car).length; // 32
 * ```
 */
export type StructValue<S extends Struct> = FieldValue<S>;

/**
 * What {@link struct} may be told.
 *
 * @group Structs
 * @example
 * ```ts
 * import { struct, type StructOptions } from 'dllmemfilemap';
 *
 * const options: StructOptions = { pack: 4, name: 'Lap' };
 * struct({ number: 'int32_t', seconds: 'double' }, options).size; // 12
 * ```
 */
export interface StructOptions {
  /** As `#pragma pack`: no field is aligned to more bytes than this. Default: 8, which changes nothing. */
  readonly pack?: 1 | 2 | 4 | 8;
  /** What errors call it. Default: `'struct'`. */
  readonly name?: string;
}

/**
 * The layout of a struct of C: where each field is, as a C compiler on x86-64, arm64 or Windows places it, in little-endian
 * byte order. Made by {@link struct}.
 *
 * @group Structs
 * @example
 * ```ts
 * import { FileMapping, struct, text } from 'dllmemfilemap';
 *
 * const Player = struct({ id: 'uint16_t', score: 'double', name: text('utf-8', 16) });
 * Player.size; // 32
 * Player.offsetOf('score'); // 8
 *
 * using mapping = FileMapping.create(null, 4096);
 * using view = mapping.mapView();
 * view.writeStruct(Player, { id: 1, score: 2.5, name: 'Ada' });
 * view.readStruct(Player); // { id: 1, score: 2.5, name: 'Ada' }
 * ```
 */
export class Struct<F extends Readonly<Record<string, FieldType>> = Readonly<Record<string, FieldType>>> {
  /** In bytes, with the padding at its end. */
  readonly size: number;
  /** In bytes: where another struct holds this one, its offset is a multiple of this. */
  readonly alignment: number;
  /** What errors call it. */
  readonly name: string;
  readonly #fields: ReadonlyMap<string, Field>;
  readonly #read: FieldCodec['read'];

  /** @internal */
  constructor(types: F, { pack = 8, name = 'struct' }: StructOptions) {
    const fields: Field[] = [];
    let end = 0;
    let alignment = 1;
    for (const [field, type] of Object.entries(types)) {
      requireFieldName(name, field);
      const codec = codecOf(`${name}.${field}`, type);
      const aligned = Math.min(codec.alignment, pack);
      const offset = roundUp(end, aligned);
      fields.push({ name: field, offset, codec });
      end = offset + codec.size;
      alignment = Math.max(alignment, aligned);
    }
    if (fields.length === 0) throw new TypeError(`${name} must have a field`);
    this.size = roundUp(end, alignment);
    requireInteger(`the size of ${name}`, this.size, 1, MAX_SIZE);
    this.alignment = alignment;
    this.name = name;
    this.#fields = new Map(fields.map((field) => [field.name, field]));
    this.#read = compileReader(fields);
    Object.freeze(this);
  }

  /**
   * Where a field begins, in bytes from the begin of the struct, as C's `offsetof`.
   *
   * @throws `TypeError` if the struct has no such field
   * @example
   * ```ts
   * import { struct } from 'dllmemfilemap';
   *
   * struct({ flag: 'bool', count: 'uint32_t' }).offsetOf('count'); // 4
   * ```
   */
  offsetOf(field: keyof F & string): number {
    return this.#field(field).offset;
  }

  /**
   * Reads the struct out of bytes of the caller's own, such as a {@link MappedView.snapshot} or a packet of a socket.
   *
   * @param bytes at least {@link Struct.size} of them; more are left alone
   * @throws `RangeError` if there are fewer
   * @example
   * ```ts
   * import { struct } from 'dllmemfilemap';
   *
   * struct({ x: 'uint8_t', y: 'uint16_t' }).decode(Uint8Array.of(1, 0, 2, 1)); // { x: 1, y: 258 }
   * ```
   */
  decode(bytes: Uint8Array): StructValue<Struct<F>> {
    return this.#read(this.#over(bytes), 0) as StructValue<Struct<F>>;
  }

  /**
   * The bytes of the struct: padding, and what a text leaves of its field, are zero.
   *
   * @throws `TypeError` if a value is missing or of a wrong type; the message names the field
   * @throws `RangeError` if a value is out of range, or a text or an array does not fit; the message names the field
   * @example
   * ```ts
   * import { struct, text } from 'dllmemfilemap';
   *
   * const Point = struct({ x: 'uint8_t', name: text('utf-8', 2) }, { name: 'Point' });
   * Point.encode({ x: 1, name: 'A' }); // Uint8Array.of(1, 65, 0)
   * Point.encode({ x: 256, name: 'A' }); // throws RangeError
   * ```
   */
  encode(value: StructValue<Struct<F>>): Uint8Array {
    const bytes = new Uint8Array(this.size);
    this.#write(new DataView(bytes.buffer), 0, value, this.name);
    return bytes;
  }

  /**
   * Where a field is, and how it is read.
   *
   * @throws `TypeError` if the struct has no such field
   * @internal
   */
  static fieldOf(struct: Struct, name: string): Field {
    return struct.#field(name);
  }

  /**
   * How one of these is read and written where it is a field of another.
   *
   * @internal
   */
  static codecOf(struct: Struct): FieldCodec {
    const { size, alignment } = struct;
    return { size, alignment, read: struct.#read, write: (...args) => struct.#write(...args) };
  }

  #field(name: string): Field {
    const field = this.#fields.get(name);
    if (field !== undefined) return field;
    throw new TypeError(
      `${this.name} has the fields '${[...this.#fields.keys()].join("', '")}', and none ${describe(name)}`,
    );
  }

  #over(bytes: Uint8Array): DataView {
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`bytes must be a Uint8Array: it is ${describe(bytes)}`);
    if (bytes.length >= this.size) return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    throw new RangeError(`${this.name} has ${this.size} bytes: there are ${bytes.length}`);
  }

  #write(data: DataView, start: number, value: unknown, path: string): void {
    if (typeof value !== 'object' || value === null) {
      throw new TypeError(`${path} must be an object: it is ${describe(value)}`);
    }
    for (const { name, offset, codec } of this.#fields.values()) {
      codec.write(data, start + offset, (value as Record<string, unknown>)[name], `${path}.${name}`);
    }
  }
}

/** The largest struct, in bytes: what every runtime has room for in one array. */
const MAX_SIZE = 2 ** 31 - 1;

/**
 * Describes a struct of C, so that {@link MappedView.readStruct} reads it by the names of its fields. The names for types are
 * C's, so a header can be copied down.
 *
 * @param fields the type of each field, by name, in their order in the struct
 * @throws `TypeError` if there is no field, if a type is none, or if a name is a number, which would not keep its place
 * @throws `RangeError` if `pack` is not 1, 2, 4 or 8, or the struct is larger than 2 GiB
 * @group Structs
 * @example
 * ```ts
 * import { array, struct, text } from 'dllmemfilemap';
 *
 * const LinkedMem = struct({
 *   uiVersion: 'uint32_t',
 *   uiTick: 'uint32_t',
 *   fAvatarPosition: array('float', 3),
 *   name: text('utf-16le', 256), // wchar_t[256] on Windows
 * });
 * LinkedMem.offsetOf('name'); // 20
 * LinkedMem.size; // 532
 * struct({}); // throws TypeError
 * ```
 */
export function struct<const F extends Readonly<Record<string, FieldType>>>(
  fields: F,
  options: StructOptions = {},
): Struct<F> {
  requireOptions(options);
  const { pack = 8, name = 'struct' } = options;
  if (typeof name !== 'string') throw new TypeError(`name must be a string: it is ${describe(name)}`);
  if (![1, 2, 4, 8].includes(pack)) throw new RangeError(`pack must be 1, 2, 4 or 8: it is ${describe(pack)}`);
  if (typeof fields !== 'object' || fields === null) {
    throw new TypeError(`${name} must be described by an object of fields: it is ${describe(fields)}`);
  }
  return new Struct(fields, { pack, name });
}

/**
 * An array of a struct's field, such as `float[3]`; of arrays for `float[4][4]`.
 *
 * @param element the type of each element
 * @param length how many there are, from 1 up
 * @throws `TypeError` if the element is no type
 * @throws `RangeError` if the length is no integer from 1 up
 * @group Structs
 * @example
 * ```ts
 * import { array, struct } from 'dllmemfilemap';
 *
 * const Matrix = struct({ rows: array(array('int16_t', 2), 2) });
 * Matrix.decode(Uint8Array.of(1, 0, 2, 0, 3, 0, 4, 0)); // { rows: [[1, 2], [3, 4]] }
 * ```
 */
export function array<const T extends FieldType>(element: T, length: number): ArrayType<T> {
  codecOf('the element of an array', element);
  requireInteger('the length of an array', length, 1, MAX_SIZE);
  return new ArrayType(element, length);
}

/**
 * A text in a field of a fixed length, such as `char[64]`: up to its terminator, or to the end of the field if it has none.
 * It is written with a terminator unless it fills the field, and what is left of the field is zeroed.
 *
 * @param encoding `'utf-16le'` for a `wchar_t[]` of Windows, `'utf-8'`, `'windows-1252'` for a `char[]` of most Windows
 *   programs, or another that `TextDecoder` knows, of which those of single bytes can be written
 * @param length of the field, in units of the encoding: two bytes for UTF-16, otherwise one
 * @throws `TypeError` if an argument is of a wrong type
 * @throws `RangeError` if the encoding is not known, or the length is no integer from 1 up
 * @group Structs
 * @example
 * ```ts
 * import { struct, text } from 'dllmemfilemap';
 *
 * const Driver = struct({ name: text('windows-1252', 6) });
 * Driver.decode(Uint8Array.of(0x4a, 0xfc, 0x72, 0x67, 0, 0x21)); // { name: 'Jürg' }
 * Driver.encode({ name: 'Emerson' }); // throws RangeError
 * ```
 */
export function text(encoding: string, length: number): TextType {
  requireInteger('the length of a text', length, 1, MAX_SIZE);
  return new TextType(encodingOf(encoding), length);
}

function codecOf(path: string, type: FieldType): FieldCodec {
  if (type instanceof Struct) return Struct.codecOf(type);
  if (type instanceof ArrayType) return arrayCodec(codecOf(path, type.element), type.length);
  if (type instanceof TextType) return textCodec(TextType.encodingOf(type), type.length);
  return SCALARS[oneOf(path, type, SCALAR_NAMES)];
}

/** Object.entries gives names that are numbers first, wherever they stand. */
function requireFieldName(struct: string, name: string): void {
  if (/^\d+$/.test(name) || name === '__proto__') {
    throw new TypeError(
      `${struct} cannot have a field of the name ${describe(name)}: JavaScript would not keep it in its place`,
    );
  }
}

function roundUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
