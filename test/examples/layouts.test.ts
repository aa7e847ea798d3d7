import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { array, FileMapping, type Struct, struct, text } from 'dllmemfilemap';
import ts from 'typescript';
import { describe, expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const examples = join(root, 'dist/examples');
const runs = (command: string) => spawnSync(command, ['--version']).status === 0;

const LAYOUTS = readdirSync(examples).flatMap((file) => /^(.*)-layout\.js$/.exec(file)?.[1] ?? []);

/** The compilers that there are, each with what it takes for kernel32's types. */
const COMPILERS = [
  { compiler: 'c++', options: ['-isystem', join(root, 'dll/posix')] },
  { compiler: 'x86_64-w64-mingw32-g++', options: [] },
].filter(({ compiler }) => process.platform !== 'win32' && runs(compiler));

/** What a compiler says that is to place the fields of structs where they are looked for: nothing, if it does. */
function compile(declarations: string, layouts: Readonly<Record<string, Struct>>, compiler: string, options: string[]) {
  const assertions = Object.entries(layouts).flatMap(([struct, layout]) => [
    `static_assert(sizeof(${struct}) == ${layout.size}, "the size of ${struct}");`,
    ...Object.keys(layout.decode(new Uint8Array(layout.size))).map(
      (field) => `static_assert(offsetof(${struct}, ${field}) == ${layout.offsetOf(field)}, "${struct}.${field}");`,
    ),
  ]);
  const input = `#include <stddef.h>\n${declarations}\n${assertions.join('\n')}\n`;
  const args = ['-std=c++17', '-fsyntax-only', ...options, '-x', 'c++', '-'];
  const { status, stderr } = spawnSync(compiler, args, { input, encoding: 'utf8' });
  return { status, stderr };
}

const GOOD = { status: 0, stderr: '' };

/** The first block in a language of the README that says how to write a reader of one's own. */
function documented(language: string): string {
  const readme = readFileSync(join(root, 'src/examples/README.md'), 'utf8');
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(readme)?.[1] as string;
}

/** The struct that the README describes. */
function documentedStruct(): Struct {
  const description = /struct\(.*?\n\);/s.exec(documented('ts'))?.[0];
  return new Function('array', 'struct', 'text', `return ${description}`)(array, struct, text);
}

test('every example has a layout', () => {
  expect(LAYOUTS.sort()).toEqual(['core-temp', 'hwinfo', 'iracing', 'mumble-link', 'rfactor2']);
});

describe.skipIf(COMPILERS.length === 0)('The C++ compiler (not where there is none)', () => {
  describe.each(COMPILERS)('$compiler', ({ compiler, options }) => {
    test.each(LAYOUTS)("places every field of %s's structs where the reader looks for it", async (name) => {
      const layouts = await import(pathToFileURL(join(examples, `${name}-layout.js`)).href);
      const header = `#include "${join(root, `dll/examples/${name.replace('-', '_')}.h`)}"`;
      expect(compile(header, layouts, compiler, options)).toEqual(GOOD);
    });

    test('places every field of the documented header where the documented struct looks for it', () => {
      const header = `#include <windows.h>\n${documented('c')}`;
      expect(compile(header, { Session: documentedStruct() }, compiler, options)).toEqual(GOOD);
    });

    test('finds a field that is looked for in a wrong place', () => {
      const layouts = { Session: struct({ version: 'uint32_t', track: text('utf-8', 76), lapTime: 'double' }) };
      const { status, stderr } = compile(`#include <windows.h>\n${documented('c')}`, layouts, compiler, options);
      expect(status).not.toBe(0);
      expect(stderr).toContain('Session.track');
    });
  });
});

test("The documented reader of one's own reads its struct", async () => {
  const { outputText } = ts.transpileModule(documented('ts'), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const session = documentedStruct();
  using mapping = FileMapping.create('Local\\RaceSession', session.size, { exclusive: true });
  using view = mapping.mapView();
  view.writeStruct(session, { version: 1, running: 1, track: 'Spa', tyre: [1, 2, 3, 4], lapTime: 61.5 } as never);
  const reader = spawn(process.execPath, ['--input-type=module', '--eval', outputText], { cwd: root });
  onTestFinished(() => void reader.kill());
  expect(await readAll(reader.stdout)).toBe('Spa\n');
});
