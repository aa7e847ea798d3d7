import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { root, tarball } from './user.js';

const folder = mkdtempSync(join(tmpdir(), 'libraries-'));
afterAll(() => rmSync(folder, { recursive: true }));
execFileSync('tar', ['-xzf', tarball, '-C', folder]);
const library = (target: string, name: string) => join(folder, 'package/build', target, name);

/** What a program says of a library, as trimmed lines. */
function lines(command: string, ...args: string[]): string[] {
  const output = execFileSync(command, args, { encoding: 'utf8' });
  return output.split('\n').map((line) => line.trim());
}

/** What follows the first match in each line that has one. */
function matches(lines: readonly string[], pattern: RegExp): string[] {
  return lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
}

const OF_THE_DLL = ['GetSharedMem', 'SetSharedMem'];

/** The functions that the headers of dll/posix declare, and what the entry point of a DLL calls. */
const OF_KERNEL32 = ['windows.h', 'sddl.h']
  .flatMap((header) =>
    matches(readFileSync(join(root, 'dll/posix', header), 'utf8').split('\n'), /^\w+ WINAPI (\w+)\(/),
  )
  .concat('AttachLibrary', 'DetachLibrary', 'HasLibraryRefused')
  .sort();

/** What each library exports. */
const documented = (dll: string, kernel32: string) =>
  [
    ['the DLL exports the two documented functions', dll, OF_THE_DLL],
    ['kernel32 exports what its headers declare', kernel32, OF_KERNEL32],
  ] as const;

/** Names that a C++ library has. */
const CPP_RUNTIME = /^_*(_Z|cxa_(?!finalize|atexit|thread_atexit)|gxx_|Unwind_)/;

interface ElfSymbol {
  readonly name: string;
  readonly version: string | undefined;
  readonly isDefined: boolean;
}

function elfSymbols(path: string): ElfSymbol[] {
  const rows = lines('readelf', '--wide', '--dyn-syms', path).map((line) => line.split(/\s+/));
  return rows
    .filter((columns) => /^\d+:$/.test(columns[0] ?? '') && columns[4] !== 'LOCAL' && columns[7] !== undefined)
    .map((columns) => {
      const [name = '', version] = (columns[7] as string).split(/@+/);
      return { name, version, isDefined: columns[6] !== 'UND' };
    });
}

describe.each([
  ['linux-x64', 'Advanced Micro Devices X86-64', /^GLIBC_2\.(\d+)/],
  ['linux-arm64', 'AArch64', /^GLIBC_2\.(\d+)/],
  ['linux-x64-musl', 'Advanced Micro Devices X86-64', undefined],
  ['linux-arm64-musl', 'AArch64', undefined],
] as const)('The libraries for %s', (target, machine, glibc) => {
  const dll = library(target, 'libdllmemfilemap.so');
  const kernel32 = library(target, 'libkernel32.so');

  test.each(documented(dll, kernel32))('%s, and nothing else', (_, path, expected) => {
    const exported = elfSymbols(path).filter(({ isDefined }) => isDefined);
    expect(exported.map(({ name }) => name).sort()).toEqual(expected);
  });

  describe.each([
    ['the DLL', dll],
    ['kernel32', kernel32],
  ])('%s', (_, path) => {
    const imported = elfSymbols(path).filter(({ isDefined }) => !isDefined);
    const dynamic = lines('readelf', '--wide', '--dynamic', path);

    test('is for that processor', () => {
      expect(matches(lines('readelf', '--file-header', path), /^Machine:\s+(.*)$/)).toEqual([machine]);
    });

    test('has its C++ runtime within', () => {
      expect(imported.length).toBeGreaterThan(0);
      expect(imported.filter(({ name }) => CPP_RUNTIME.test(name))).toEqual([]);
    });

    test(`needs ${glibc === undefined ? 'musl alone' : 'nothing newer than glibc 2.31'}`, () => {
      const own = path === dll ? ['libkernel32.so'] : [];
      const needed = matches(dynamic, /\(NEEDED\).*\[(.*)\]/).filter((name) => !own.includes(name));
      const versions = imported.flatMap(({ version }) => version ?? []);
      if (glibc === undefined) {
        expect({ needed, versions }).toEqual({ needed: ['libc.so'], versions: [] });
        return;
      }
      const ofGlibc = /^(libc\.so\.6|libpthread\.so\.0|libdl\.so\.2|ld-linux-[\w-]+\.so\.\d)$/;
      expect(needed.filter((name) => !ofGlibc.test(name))).toEqual([]);
      expect(versions.length).toBeGreaterThan(0);
      for (const version of versions) expect(Number(glibc.exec(version)?.[1]), version).toBeLessThanOrEqual(31);
    });

    test('is found, and finds the other, in any folder', () => {
      const name = path === dll ? 'libdllmemfilemap.so' : 'libkernel32.so';
      expect(matches(dynamic, /\(SONAME\).*\[(.*)\]/)).toEqual([name]);
      if (path === dll) expect(matches(dynamic, /\(R(?:UN)?PATH\).*\[(.*)\]/)).toEqual(['$ORIGIN']);
    });

    test('is stripped', () => {
      const sections = lines('readelf', '--wide', '--sections', path);
      expect(sections.filter((line) => / \.(symtab|debug_\w+) /.test(line))).toEqual([]);
    });
  });

  test('kernel32 stays when its last user closes it', () => {
    expect(lines('readelf', '--wide', '--dynamic', kernel32).filter((line) => line.includes('NODELETE'))).toHaveLength(
      1,
    );
  });
});

/** What Zig's linker exports beside the list: the start of the library itself, under two names. */
const START_OF_LIBRARY = ['___dso_handle', '__mh_dylib_header'];

describe.each([
  ['darwin-x64', 'X86_64'],
  ['darwin-arm64', 'ARM64'],
])('The libraries for %s', (target, cpu) => {
  const dll = library(target, 'libdllmemfilemap.dylib');
  const kernel32 = library(target, 'libkernel32.dylib');

  test.each(documented(dll, kernel32))('%s, and nothing else', (_, path, expected) => {
    const exported = matches(lines('llvm-objdump', '--macho', '--exports-trie', path), /^0x\w+\s+(\S+)/);
    const wanted = expected.map((name) => `_${name}`);
    expect(exported.filter((name) => !START_OF_LIBRARY.includes(name)).sort()).toEqual(wanted);
  });

  describe.each([
    ['the DLL', dll, 'libdllmemfilemap.dylib', ['@rpath/libkernel32.dylib']],
    ['kernel32', kernel32, 'libkernel32.dylib', []],
  ])('%s', (_, path, name, others) => {
    const headers = lines('llvm-objdump', '--macho', '--private-headers', path);
    /** The values of a field of the load commands of a kind. */
    const fields = (command: string, field: string) => {
      const starts = headers.flatMap((line, i) => (line === `cmd ${command}` ? [i] : []));
      return starts.flatMap((start) => {
        const end = headers.findIndex((line, i) => i > start && line.startsWith('Load command'));
        const found = headers.slice(start, end < 0 ? undefined : end).find((line) => line.startsWith(`${field} `));
        return (
          found
            ?.slice(field.length + 1)
            .replace(/ \(offset \d+\)$/, '')
            .trim() ?? []
        );
      });
    };

    test('is for that processor, and macOS 11 or later', () => {
      expect(headers.some((line) => new RegExp(`^MH_MAGIC_64\\s+${cpu}\\s`).test(line))).toBe(true);
      expect(fields('LC_BUILD_VERSION', 'minos')).toEqual(['11.0']);
    });

    test('needs nothing but the system, and is found, and finds the other, in any folder', () => {
      expect(fields('LC_LOAD_DYLIB', 'name').sort()).toEqual(['/usr/lib/libSystem.B.dylib', ...others]);
      expect(fields('LC_ID_DYLIB', 'name')).toEqual([`@rpath/${name}`]);
      expect(fields('LC_RPATH', 'path')).toEqual(path === dll ? ['@loader_path'] : expect.any(Array));
    });

    test('has its C++ library within, and gives its operators to nobody', () => {
      const imported = matches(lines('llvm-nm', '--undefined-only', '--just-symbol-name', path), /^(\S+)$/);
      expect(imported.length).toBeGreaterThan(0);
      expect(imported.filter((name) => /^__(Z|_cxa_(?!atexit)|_gxx_)/.test(name))).toEqual([]);
      const weak = lines('llvm-objdump', '--macho', '--weak-bind', path).filter((line) => line.includes('0x'));
      expect(weak).toEqual([]);
    });

    test.runIf(cpu === 'ARM64')('is signed, as every arm64 program has to be, and unchanged since then', () => {
      const [offset, size] = ['dataoff', 'datasize'].map((field) => Number(fields('LC_CODE_SIGNATURE', field)[0]));
      const image = readFileSync(path);
      const { identified, hashes } = signature(image, offset as number, size as number);
      expect(identified).toBe('ad hoc');
      expect(hashes.length).toBeGreaterThan(1);
      expect(hashes.filter(({ signed, actual }) => signed !== actual)).toEqual([]);
    });
  });
});

/**
 * What the signature of an arm64 library says.
 *
 * @see {@link https://developer.apple.com/documentation/technotes/tn3126-inside-code-signing-hashes | TN3126}
 */
function signature(image: Buffer, offset: number, size: number) {
  const blob = image.subarray(offset, offset + size);
  const CODE_DIRECTORY = 0xfade0c02;
  const count = blob.readUInt32BE(8);
  const places = Array.from({ length: count }, (_, i) => blob.readUInt32BE(12 + i * 8 + 4));
  const place = places.find((place) => blob.readUInt32BE(place) === CODE_DIRECTORY);
  if (place === undefined) throw new Error('There is no code directory');
  const directory = blob.subarray(place);
  const isAdHoc = (directory.readUInt32BE(12) & 2) !== 0;
  const first = directory.readUInt32BE(16);
  const pages = directory.readUInt32BE(28);
  const end = directory.readUInt32BE(32);
  const pageSize = 2 ** directory.readUInt8(39);
  const hashes = Array.from({ length: pages }, (_, i) => ({
    signed: directory.toString('hex', first + i * 32, first + i * 32 + 32),
    actual: createHash('sha256')
      .update(image.subarray(i * pageSize, Math.min(end, (i + 1) * pageSize)))
      .digest('hex'),
  }));
  return { identified: isAdHoc ? 'ad hoc' : 'by a certificate', hashes };
}

describe.each([
  ['win32-x64', 'IMAGE_FILE_MACHINE_AMD64'],
  ['win32-arm64', 'IMAGE_FILE_MACHINE_ARM64'],
  ['win32-ia32', 'IMAGE_FILE_MACHINE_I386'],
])('The library for %s', (target, machine) => {
  const dll = library(target, 'dllmemfilemap.dll');
  const image = lines('llvm-readobj', '--file-headers', '--coff-exports', '--coff-imports', dll);

  test('is for that processor, and stripped', () => {
    expect(matches(image, /^Machine: (\w+)/)).toEqual([machine]);
    expect(matches(image, /^PointerToSymbolTable: (\w+)/)).toEqual(['0x0']);
  });

  test('exports the two documented functions, and imports from kernel32 alone', () => {
    const start = (name: string) => image.indexOf(name);
    const exported = image.filter((line, i) => line.startsWith('Name: ') && image[i - 1]?.startsWith('Ordinal: '));
    expect(exported.map((line) => line.slice(6)).sort()).toEqual(OF_THE_DLL);
    expect(start('Import {')).toBeGreaterThan(0);
    const libraries = image.filter((line, i) => line.startsWith('Name: ') && image[i - 1] === 'Import {');
    expect(libraries).toEqual(['Name: KERNEL32.dll']);
  });

  test('has an import library, by which programs find it under its name', () => {
    const members = lines('llvm-readobj', '--symbols', library(target, 'libdllmemfilemap.dll.a'));
    for (const name of OF_THE_DLL) expect(members.some((line) => line.endsWith(`${name}`))).toBe(true);
    expect(readFileSync(library(target, 'libdllmemfilemap.dll.a'), 'latin1')).toContain('dllmemfilemap.dll');
  });
});
