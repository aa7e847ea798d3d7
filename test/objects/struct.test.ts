import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { array, FileMapping, type StructValue, struct, text } from 'dllmemfilemap';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest';
import { kernel32Path } from '../../dist/win32/native-library.js';
import { contentsOf, declarationsOf, structFrom, structs } from './struct-model.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const runs = (command: string) => spawnSync(command, ['--version']).status === 0;

/** How far apart the structs are in the section, in bytes. */
const SLOT = 65_536;

/** Repeat a run by its seed. */
const seed = Number(process.env.STRUCT_SEED ?? Math.floor(Math.random() * 2 ** 31));

const cases = fc
  .sample(
    structs(2).chain((model) => contentsOf(model, 's').map((contents) => ({ model, ...contents }))),
    { numRuns: 60, seed },
  )
  .map((each) => ({ ...each, layout: structFrom(each.model) }))
  .filter(({ layout }) => layout.size <= SLOT);

const name = `Local\\${randomUUID()}`;

/** A program that writes all contents into a section, or says what it finds there instead. */
function sourceOfPeer(): string {
  const lines = cases.flatMap(({ model, numbers }, i) => [
    `  if (writes) memset(memory + ${i * SLOT}, 0, sizeof(${model.name}));`,
    `  { ${model.name}& s = *reinterpret_cast<${model.name}*>(memory + ${i * SLOT});`,
    ...numbers.map(
      ([expression, bits]) =>
        `    Number(&${expression}, sizeof ${expression}, ${bits}ull, "${model.name} ${expression}");`,
    ),
    '  }',
  ]);
  return `#include <windows.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
${cases.map(({ model }) => declarationsOf(model)).join('')}
${assertions()}
static bool writes;
static void Number(void* at, size_t size, uint64_t bits, const char* name) {
  if (writes) memcpy(at, &bits, size);
  else if (memcmp(at, &bits, size) != 0) printf("%s\\n", name);
}
int main(int argc, char*[]) {
  writes = argc == 1;
  HANDLE mapping = OpenFileMappingW(FILE_MAP_ALL_ACCESS, FALSE, TEXT("${name.replace('\\', '\\\\')}"));
  char* memory = static_cast<char*>(MapViewOfFile(mapping, FILE_MAP_ALL_ACCESS, 0, 0, 0));
${lines.join('\n')}
}
`;
}

/** That the compiler places all fields where this package does. */
function assertions(): string {
  return cases
    .flatMap(({ model, layout }) => [
      `static_assert(sizeof(${model.name}) == ${layout.size}, "");`,
      `static_assert(alignof(${model.name}) == ${layout.alignment}, "");`,
      ...Object.keys(model.fields).map(
        (field) => `static_assert(offsetof(${model.name}, ${field}) == ${layout.offsetOf(field)}, "");`,
      ),
    ])
    .join('\n');
}

function sourceIn(source: string): { readonly file: string; readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'structs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'structs.cpp');
  writeFileSync(file, source);
  return { file, folder };
}

function compile(compiler: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(compiler, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`seed ${seed}: ${stderr}`);
}

describe.skipIf(process.platform === 'win32' || !runs('c++'))(
  'A struct and the C++ compiler (not where there is none)',
  () => {
    test(`agree on every size, offset and content, in both directions, of structs that nobody chose`, () => {
      const { file, folder } = sourceIn(sourceOfPeer());
      const libraries = dirname(kernel32Path());
      const peer = join(folder, 'structs');
      const includes = ['-D', 'UNICODE', '-isystem', join(root, 'dll/posix')];
      compile('c++', [
        '-std=c++17',
        '-fno-strict-aliasing',
        ...includes,
        file,
        '-o',
        peer,
        '-L',
        libraries,
        '-lkernel32',
        `-Wl,-rpath,${libraries}`,
      ]);
      using mapping = FileMapping.create(name, cases.length * SLOT);
      using view = mapping.mapView();

      expect(spawnSync(peer, { encoding: 'utf8' })).toMatchObject({ status: 0, stdout: '' });
      for (const [i, { layout, value }] of cases.entries()) {
        expect(view.readStruct(layout, i * SLOT), `seed ${seed}, ${layout.name}`).toEqual(value);
      }

      for (const [i, { layout, value }] of cases.entries()) {
        view.bytes.fill(0xff, i * SLOT, (i + 1) * SLOT);
        view.writeStruct(layout, value as never, i * SLOT);
        expect(view.bytes[i * SLOT + layout.size]).toBe(layout.size < SLOT ? 0xff : undefined);
      }
      expect(spawnSync(peer, ['check'], { encoding: 'utf8' }), `seed ${seed}`).toMatchObject({ status: 0, stdout: '' });
    });

    test.skipIf(!runs('x86_64-w64-mingw32-g++'))("agree on the layout with Windows' compiler, too", () => {
      const declarations = cases.map(({ model }) => declarationsOf(model)).join('');
      const { file } = sourceIn(`#include <stddef.h>\n#include <stdint.h>\n${declarations}${assertions()}\n`);
      compile('x86_64-w64-mingw32-g++', ['-std=c++17', '-fsyntax-only', file]);
    });
  },
);

const wrong = (value: unknown) => value as never;

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

function viewOf(size = 4096) {
  const mapping = FileMapping.create(null, size);
  const view = mapping.mapView();
  onTestFinished(() => {
    view.close();
    mapping.close();
  });
  return view;
}

const Car = struct(
  { id: 'uint8_t', position: array('float', 3), laps: 'int64_t', isOut: 'bool', driver: text('windows-1252', 6) },
  { name: 'Car' },
);
const car = { id: 7, position: [1, 2, 3], laps: 9n, isOut: true, driver: 'Jürg' };

describe('A struct', () => {
  test("has a value whose type is known, without being told, from C's names", () => {
    const Grid = struct({ cars: array(Car, 2), name: text('utf-8', 4) });
    expectTypeOf<StructValue<typeof Grid>>().toEqualTypeOf<{
      cars: { id: number; position: number[]; laps: bigint; isOut: boolean; driver: string }[];
      name: string;
    }>();
    const view = viewOf();
    expectTypeOf(view.readField(Car, 'laps')).toEqualTypeOf<bigint>();
    expectTypeOf<Parameters<typeof Car.offsetOf>[0]>().toEqualTypeOf<keyof typeof car>();
  });

  test.each([
    ['no field', () => struct({}), TypeError, 'struct must have a field'],
    ['no object', () => struct(wrong(null)), TypeError, 'struct must be described by an object of fields: it is null'],
    [
      'a type that is none',
      () => struct({ a: wrong('int') }),
      TypeError,
      /^struct\.a must be one of 'int8_t', .*: it is 'int'$/,
    ],
    ['an element that is none', () => array(wrong('int'), 1), TypeError, /^the element of an array must be one of/],
    ['a name that is a number', () => struct({ 1: 'char' }), TypeError, /of the name '1'/],
    ['a name that sets the prototype', () => struct(JSON.parse('{"__proto__":"char"}')), TypeError, /__proto__/],
    ['a pack of 3', () => struct({ a: 'char' }, { pack: wrong(3) }), RangeError, 'pack must be 1, 2, 4 or 8: it is 3'],
    ['no elements', () => array('char', 0), RangeError, /^the length of an array must be .* it is 0$/],
    [
      'a text without length',
      () => text('utf-8', wrong(undefined)),
      TypeError,
      /^the length of a text must be a number/,
    ],
    ['an encoding that is none', () => text('klingon', 1), RangeError, /^encoding must be .*: it is 'klingon'$/],
    ['more than 2 GiB', () => struct({ a: array('double', 2 ** 29) }), RangeError, /^the size of struct must be/],
  ])('cannot be described with %s', (_, describe, kind, message) => {
    const error = thrownBy(describe);
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(message);
  });

  test.each([
    ['no object', null, TypeError, 'Car must be an object: it is null'],
    ['a field missing', { ...car, laps: undefined }, TypeError, 'Car.laps must be a BigInt: it is undefined'],
    ['a number out of range', { ...car, id: 256 }, RangeError, 'Car.id must be an integer from 0 to 255: it is 256'],
    [
      'a BigInt out of range',
      { ...car, laps: 2n ** 63n },
      RangeError,
      /^Car\.laps must be from .*: it is 9223372036854775808n$/,
    ],
    ['a number that is no float', { ...car, position: [1, 1e39, 3] }, RangeError, /^Car\.position\[1\] must be within/],
    [
      'an element of another type',
      { ...car, position: [1, '2', 3] },
      TypeError,
      "Car.position[1] must be a number: it is '2'",
    ],
    ['too few elements', { ...car, position: [1, 2] }, RangeError, 'Car.position must have 3 elements: it has 2'],
    ['a number for a bool', { ...car, isOut: 1 }, TypeError, 'Car.isOut must be a boolean: it is 1'],
    [
      'a text that is too long',
      { ...car, driver: 'Emerson' },
      RangeError,
      /^Car\.driver must have at most 6 units of windows-1252: it has 7$/,
    ],
    [
      'a character that there is not',
      { ...car, driver: '漢' },
      RangeError,
      'Car.driver has the character U+6F22, which windows-1252 has not',
    ],
    ['a terminator in a text', { ...car, driver: 'a\0b' }, TypeError, /^Car\.driver must not contain U\+0000/],
  ])('with %s is not written, and nothing of it', (_, value, kind, message) => {
    const view = viewOf();
    view.writeStruct(Car, car, 64);
    const before = view.snapshot();
    const error = thrownBy(() => view.writeStruct(Car, wrong(value), 64));
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(message);
    expect(view.snapshot()).toEqual(before);
  });

  test('is read and written up to the last byte of the view, and not past it', () => {
    const view = viewOf();
    const last = view.length - Car.size;
    view.writeStruct(Car, car, last);
    expect(view.readStruct(Car, last)).toEqual(car);
    const message = `Car has 32 bytes, which do not fit at offset ${last + 1}: the view has 4096`;
    for (const call of [
      () => view.readStruct(Car, last + 1),
      () => view.readField(Car, 'id', last + 1),
      () => view.writeStruct(Car, car, last + 1),
    ]) {
      expect(thrownBy(call)).toEqual(new RangeError(message));
    }
    expect(thrownBy(() => view.readStruct(wrong({ size: 1 })))).toBeInstanceOf(TypeError);
    expect(thrownBy(() => view.readStruct(Car, -1))).toBeInstanceOf(RangeError);
    expect(thrownBy(() => view.readStruct(Car, wrong('0')))).toBeInstanceOf(TypeError);
  });

  test('is not written through a view that may only be read', () => {
    using mapping = FileMapping.create(null, 4096);
    using view = mapping.mapView({ access: 'read' });
    expect(thrownBy(() => view.writeStruct(Car, car))).toBeInstanceOf(TypeError);
    expect(view.readField(Car, 'id')).toBe(0);
  });

  test('gives one field without the rest', () => {
    const view = viewOf();
    view.writeStruct(Car, car, 8);
    for (const [field, value] of Object.entries(car)) {
      expect(view.readField(Car, field as keyof typeof car, 8)).toEqual(value);
    }
    expect(thrownBy(() => view.readField(Car, wrong('speed')))).toEqual(
      new TypeError("Car has the fields 'id', 'position', 'laps', 'isOut', 'driver', and none 'speed'"),
    );
  });

  test('is read in the same way where the runtime compiles nothing from strings', () => {
    const script = `
      import { array, struct, text } from 'dllmemfilemap';
      const Inner = struct({ x: 'int16_t' });
      const S = struct({ a: 'uint8_t', b: 'double', c: array(Inner, 2), d: text('utf-16le', 3) });
      const value = { a: 1, b: 2.5, c: [{ x: -1 }, { x: 2 }], d: 'abc' };
      process.stdout.write(JSON.stringify(S.decode(S.encode(value))));`;
    const args = ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ a: 1, b: 2.5, c: [{ x: -1 }, { x: 2 }], d: 'abc' });
  });
});

describe('A text in a struct', () => {
  test('ends at its terminator, or with its field', () => {
    const layout = struct({ s: text('utf-8', 4) });
    expect(layout.decode(Buffer.from('ab\0x')).s).toBe('ab');
    expect(layout.decode(Buffer.from('abcd')).s).toBe('abcd');
    expect([...layout.encode({ s: 'abcd' })]).toEqual([...Buffer.from('abcd')]);
  });

  test.each([
    ['utf-16be', [0x20, 0xac, 0, 0]],
    ['windows-1251', [0xc6]],
    ['shift_jis', [0x8a, 0xbf]],
    ['gbk', [0xba, 0xba]],
  ])('is read in %s, as everything that TextDecoder knows', (encoding, bytes) => {
    const layout = struct({ s: text(encoding, 2) });
    const padded = Uint8Array.from({ length: layout.size }, (_, i) => bytes[i] ?? 0);
    const expected = new TextDecoder(encoding).decode(padded).replace(/\0+$/, '');
    expect(layout.decode(padded).s).toBe(expected);
    expect(expected).not.toBe('');
  });

  test.each(['windows-1251', 'koi8-r', 'iso-8859-15', 'macintosh'])('is written in %s, of single bytes', (encoding) => {
    const layout = struct({ s: text(encoding, 128) });
    const characters = Uint8Array.from({ length: 128 }, (_, i) => i + 128);
    const { s } = layout.decode(characters);
    expect(s).not.toContain('\ufffd');
    expect(layout.encode({ s })).toEqual(characters);
  });

  test.each(['shift_jis', 'gbk', 'utf-16be'])('is not written in %s', (encoding) => {
    const layout = struct({ s: text(encoding, 2) });
    expect(thrownBy(() => layout.encode({ s: 'x' })).message).toMatch(/^struct\.s cannot be written in/);
  });

  test('has all of windows-1252, the characters from 0x80 on too, which some versions of Node decode wrongly', () => {
    const bytes = Uint8Array.from({ length: 128 }, (_, i) => i + 128);
    const layout = struct({ s: text('windows-1252', 128) });
    expect(layout.decode(bytes).s.slice(0, 4)).toBe('€\x81‚ƒ');
    expect(layout.encode(layout.decode(bytes))).toEqual(bytes);
  });

  test('keeps lone surrogates in UTF-16, and refuses them in UTF-8', () => {
    const wide = struct({ s: text('utf-16le', 2) });
    expect(wide.decode(wide.encode({ s: '\ud800' })).s).toBe('\ud800');
    expect(thrownBy(() => struct({ s: text('utf-8', 9) }).encode({ s: '\ud800' })).message).toMatch(/U\+D800/);
  });
});

describe('A text in a view', () => {
  test.each(['utf-8', 'windows-1252', 'utf-16le', 'koi8-r'])('is written and read in %s, at any offset', (encoding) => {
    const view = viewOf();
    const written = encoding === 'koi8-r' ? 'Да' : 'Jürg';
    for (const offset of [0, 1, 4000]) {
      view.bytes.fill(0xff);
      view.writeString(written, offset, encoding);
      expect(view.readString(offset, 64, encoding)).toBe(written);
      expect(view.readString(offset, 1, encoding)).toBe(written.slice(0, 1));
      const end =
        offset +
        struct({ s: text(encoding, 8) })
          .encode({ s: written })
          .findLastIndex((byte) => byte !== 0);
      expect(view.bytes[end + (encoding === 'utf-16le' ? 4 : 2)]).toBe(0xff);
    }
  });

  test.each([255, 256, 257, 4095, 4096, 4097, 70_000])(
    'of %d bytes is read whole, with a terminator or without',
    (length) => {
      const view = viewOf(131_072);
      const long = 'x'.repeat(length);
      view.writeString(long, 3, 'utf-8');
      expect(view.readString(3, undefined, 'utf-8')).toBe(long);
      expect(view.readString(3, length, 'utf-8')).toBe(long);
      expect(view.readString(3, length - 1, 'utf-8')).toBe(long.slice(1));
      view.bytes.fill(0x61);
      expect(view.readString(view.length - length, undefined, 'utf-8')).toBe('a'.repeat(length));
    },
  );

  test('is read in UTF-16 of the other byte order, in pieces, too', () => {
    const view = viewOf();
    const long = 'Ā'.repeat(300);
    view.bytes.set(Buffer.from(long, 'utf16le').swap16(), 5);
    expect(view.readString(5, undefined, 'utf-16be')).toBe(long);
  });

  test('that is refused is not written, and nothing of it', () => {
    const view = viewOf();
    view.bytes.fill(0x61);
    for (const [value, offset, encoding, kind] of [
      ['漢', 0, 'windows-1252', RangeError],
      ['x', 0, 'shift_jis', RangeError],
      ['x', 0, 'klingon', RangeError],
      ['x', 4095, 'utf-8', RangeError],
      ['ü', 4094, 'utf-8', RangeError],
      ['', 4096, 'utf-8', RangeError],
      ['a\0b', 0, 'utf-8', TypeError],
      [5, 0, 'utf-8', TypeError],
      ['x', 0, 5, TypeError],
    ] as const) {
      expect(thrownBy(() => view.writeString(wrong(value), offset, wrong(encoding)))).toBeInstanceOf(kind);
    }
    expect(view.bytes.every((byte) => byte === 0x61)).toBe(true);
    expect(thrownBy(() => view.readString(0, 1, 'klingon'))).toBeInstanceOf(RangeError);
    expect(thrownBy(() => view.readString(0, 1, wrong(5)))).toBeInstanceOf(TypeError);
  });
});
