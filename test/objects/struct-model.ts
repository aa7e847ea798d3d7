// Structs as fast-check makes them up: as this package describes them, as C++ declares them, and with contents.
import fc from 'fast-check';
import { array, type FieldType, struct, text } from '../../dist/index.js';

/** A field's value for this package, and what C++ calls each of its numbers, with their bits. */
interface Contents {
  readonly value: unknown;
  readonly numbers: readonly (readonly [expression: string, bits: bigint])[];
}

/** A field's type for this package and for C++, and any contents. */
interface Type {
  readonly type: FieldType;
  /** The declaration of something of that type, by its name. */
  declare(name: string): string;
  /** Structs that have to be declared before. */
  readonly structs: readonly StructModel[];
  contents(expression: string): fc.Arbitrary<Contents>;
}

export interface StructModel {
  readonly name: string;
  readonly pack: 1 | 2 | 4 | 8;
  readonly fields: Readonly<Record<string, Type>>;
}

const integers = (bits: number, signed: boolean) => {
  const least = signed ? -(2 ** (bits - 1)) : 0;
  return fc.integer({ min: least, max: least + 2 ** bits - 1 });
};
const bitsOfDouble = (value: number) => new BigUint64Array(Float64Array.of(value).buffer)[0] as bigint;
const bitsOfFloat = (value: number) => BigInt(new Uint32Array(Float32Array.of(value).buffer)[0] as number);
const ofInteger = (bits: number) => (value: number) => BigInt.asUintN(bits, BigInt(value));

/** Values of each of C's numbers, and their bits. */
const SCALARS: Readonly<Record<string, readonly [fc.Arbitrary<unknown>, (value: never) => bigint]>> = {
  int8_t: [integers(8, true), ofInteger(8)],
  uint8_t: [integers(8, false), ofInteger(8)],
  int16_t: [integers(16, true), ofInteger(16)],
  uint16_t: [integers(16, false), ofInteger(16)],
  int32_t: [integers(32, true), ofInteger(32)],
  uint32_t: [integers(32, false), ofInteger(32)],
  int64_t: [fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value: bigint) => BigInt.asUintN(64, value)],
  uint64_t: [fc.bigInt(0n, 2n ** 64n - 1n), (value: bigint) => value],
  float: [fc.float({ noNaN: true }), bitsOfFloat],
  double: [fc.double({ noNaN: true }), bitsOfDouble],
  bool: [fc.boolean(), (value: boolean) => (value ? 1n : 0n)],
  char: [integers(8, true), ofInteger(8)],
};

function scalar(c: string): Type {
  const [values, bits] = SCALARS[c] as (typeof SCALARS)[string];
  return {
    type: c as FieldType,
    declare: (name) => `${c} ${name}`,
    structs: [],
    contents: (expression) =>
      values.map((value) => ({ value, numbers: [[expression, bits(value as never)] as const] })),
  };
}

/** The characters that each encoding is tried with, and its units in C++. */
const ENCODINGS: Readonly<Record<string, readonly [unit: string, characters: string]>> = {
  'utf-16le': ['char16_t', 'aZ ü€漢\ud800'],
  'utf-8': ['char', 'aZ ü€漢😀'],
  'windows-1252': ['char', 'aZ ü€Ÿ'],
};

function textOf(encoding: string, length: number): Type {
  const [unit, characters] = ENCODINGS[encoding] as readonly [string, string];
  const encode = (value: string): number[] =>
    encoding === 'utf-16le'
      ? [...new Uint16Array(new Uint8Array(Buffer.from(value, 'utf16le')).buffer)]
      : encoding === 'utf-8'
        ? [...Buffer.from(value)]
        : [...value].map((character) => ({ '€': 0x80, Ÿ: 0x9f })[character] ?? character.charCodeAt(0));
  return {
    type: text(encoding, length),
    declare: (name) => `${unit} ${name}[${length}]`,
    structs: [],
    contents: (expression) =>
      fc
        .array(fc.constantFrom(...characters), { maxLength: length })
        .map((parts) => parts.join(''))
        .filter((value) => encode(value).length <= length)
        .map((value) => {
          const units = encode(value);
          const numbers = Array.from({ length }, (_, i) => [`${expression}[${i}]`, BigInt(units[i] ?? 0)] as const);
          return { value, numbers };
        }),
  };
}

function arrayOf(element: Type, length: number): Type {
  return {
    type: array(element.type, length),
    declare: (name) => element.declare(`${name}[${length}]`),
    structs: element.structs,
    contents: (expression) =>
      fc.tuple(...Array.from({ length }, (_, i) => element.contents(`${expression}[${i}]`))).map(joined),
  };
}

function structOf(model: StructModel): Type {
  return {
    type: structFrom(model),
    declare: (name) => `${model.name} ${name}`,
    structs: [...Object.values(model.fields).flatMap(({ structs }) => structs), model],
    contents: (expression) =>
      fc
        .record(
          Object.fromEntries(
            Object.entries(model.fields).map(([name, type]) => [name, type.contents(`${expression}.${name}`)]),
          ),
        )
        .map((fields) => ({
          value: Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value])),
          numbers: Object.values(fields).flatMap(({ numbers }) => numbers),
        })),
  };
}

const joined = (parts: readonly Contents[]): Contents => ({
  value: parts.map(({ value }) => value),
  numbers: parts.flatMap(({ numbers }) => numbers),
});

/** The struct as this package describes it. */
export function structFrom({ name, pack, fields }: StructModel) {
  return struct(Object.fromEntries(Object.entries(fields).map(([field, { type }]) => [field, type])), { name, pack });
}

/** The struct as C++ declares it, after those in it. */
export function declarationsOf(model: StructModel): string {
  return structOf(model)
    .structs.map(({ name, pack, fields }) => {
      const members = Object.entries(fields).map(([field, type]) => `  ${type.declare(field)};`);
      return `#pragma pack(push, ${pack})\nstruct ${name} {\n${members.join('\n')}\n};\n#pragma pack(pop)\n`;
    })
    .join('');
}

/** What the fields of a struct may hold. */
export const contentsOf = (model: StructModel, expression: string) => structOf(model).contents(expression);

let count = 0;

/** Any struct, with others in it down to a depth. */
export function structs(depth: number): fc.Arbitrary<StructModel> {
  return fc
    .tuple(fc.constantFrom(1, 2, 4, 8), fc.array(types(depth), { minLength: 1, maxLength: 6 }))
    .map(([pack, types]) => ({
      name: `S${count++}`,
      pack,
      fields: Object.fromEntries(types.map((type, i) => [`f${i}`, type])),
    }));
}

function types(depth: number): fc.Arbitrary<Type> {
  const simple = fc.oneof(
    fc.constantFrom(...Object.keys(SCALARS)).map(scalar),
    fc.tuple(fc.constantFrom(...Object.keys(ENCODINGS)), fc.integer({ min: 1, max: 9 })).map((args) => textOf(...args)),
  );
  const inner = depth === 0 ? simple : fc.oneof(simple, structs(depth - 1).map(structOf));
  return fc.oneof(
    inner,
    fc.tuple(inner, fc.integer({ min: 1, max: 4 })).map((args) => arrayOf(...args)),
  );
}
