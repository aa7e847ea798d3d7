import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { examples } from './examples.js';
import { buildPrograms } from './programs.js';
import { ARM64, prepareRuntimes, RUNTIMES, WINDOWS_X64 } from './runtimes.js';
import { root, User } from './user.js';

const EXAMPLES = examples();
const CLI = 'node_modules/dllmemfilemap/dist/cli/main.js';
const NODE_TYPES = { types: ['node'], typeRoots: [join(root, 'node_modules/@types')] };

/** Compiles the examples in the user's folder, into its folder "compiled". */
function compile(user: User, settings: object) {
  const compilerOptions = { module: 'NodeNext', target: 'ES2022', strict: true, outDir: 'compiled', ...settings };
  writeFileSync(join(user.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  return spawnSync(process.execPath, [tsc], { cwd: user.folder, encoding: 'utf8', timeout: 100_000 });
}

const users = new Map<string, User>();

/** The user who has installed the package with these options of npm, and has compiled the examples. */
function userWith(npmOptions: string): User {
  const known = users.get(npmOptions);
  if (known !== undefined) return known;
  const user = new User();
  users.set(npmOptions, user);
  writeFileSync(join(user.folder, 'package.json'), '{ "type": "module" }');
  // The script of koffi, too, looks whether its library can be loaded on the machine that installs it.
  user.install(...(npmOptions === '' ? [] : [...npmOptions.split(' '), '--ignore-scripts']));
  for (const { name, source } of EXAMPLES) writeFileSync(join(user.folder, `${name}.ts`), source);
  const { stdout, status } = compile(user, NODE_TYPES);
  if (status !== 0) throw new Error(stdout);
  return user;
}

beforeAll(prepareRuntimes);
afterAll(() => {
  for (const user of users.values()) user[Symbol.dispose]();
});

describe('The examples of the documents are in order for TypeScript', () => {
  test.each([
    ["Node's types", NODE_TYPES],
    ["a browser's types, which have no Disposable", { types: [], lib: ['ES2022', 'DOM'] }],
  ])('with %s', (_, settings) => {
    expect(compile(userWith(''), { noEmit: true, ...settings })).toMatchObject({ stdout: '', status: 0 });
  });
});

describe.each(RUNTIMES)('With neither a compiler nor CMake on the PATH, $name', (runtime) => {
  test('installs the package', () => {
    const user = userWith(runtime.npmOptions);
    for (const tool of ['cc', 'gcc', 'c++', 'g++', 'clang', 'make', 'cmake']) {
      expect(user.run(tool, '--version').error, tool).toMatchObject({ code: 'ENOENT' });
    }
  });

  test.each(EXAMPLES)("runs the documents' example $name", ({ name, printed }) => {
    const { output, status } = runtime.run(userWith(runtime.npmOptions), `compiled/${name}.js`);
    expect({ output, status }).toEqual({ output: `${printed}\n`, status: 0 });
  });

  test.runIf(runtime.runsTypeScript).each(EXAMPLES)('runs $name as it stands', ({ name, printed }) => {
    const { output, status } = runtime.run(userWith(runtime.npmOptions), `${name}.ts`);
    expect({ output, status }).toEqual({ output: `${printed}\n`, status: 0 });
  });

  test('runs the documented programs, a process for each', () => {
    const child = [...runtime.command, CLI, 'child'].map((argument) => `"${argument}"`).join(' ');
    const { output, status } = runtime.run(userWith(runtime.npmOptions), CLI, 'parent', child);
    expect({ output, status }).toEqual({
      output:
        '\nProcess is writing to shared memory...\n\n' +
        'Child process read from shared memory: This is a test string\n',
      status: 0,
    });
  });

  test('finds nothing wrong, and which library is for it', () => {
    const { output, status } = runtime.run(userWith(runtime.npmOptions), CLI, 'doctor', '--json');
    const runtimeFound = expect.objectContaining({ found: expect.stringMatching(`, ${runtime.target}$`) });
    expect(JSON.parse(output)).toMatchObject({ ok: true, checks: expect.arrayContaining([runtimeFound]) });
    expect(status).toBe(0);
  });
});

test('Processes of different processors share the memory', async () => {
  const text = 'across processors';
  const holder = spawn(process.execPath, [CLI, 'set', '--hold', text], { cwd: userWith('').folder });
  onTestFinished(() => void holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  expect(ARM64.run(userWith(ARM64.npmOptions), CLI, 'get')).toEqual({ output: `${text}\n`, status: 0 });
});

describe('On Windows, processes of 32 bits and of 64', () => {
  let programs: string;

  beforeAll(() => {
    programs = buildPrograms('win32-ia32', 'child', 'parent', 'scores', 'waiting_peer');
  });

  test('share the text, memory, a mutex, a semaphore and an event', () => {
    const user = userWith(WINDOWS_X64.npmOptions);
    copyFileSync(join(import.meta.dirname, 'thirty-two-bits.mjs'), join(user.folder, 'thirty-two-bits.mjs'));
    expect(WINDOWS_X64.run(user, 'thirty-two-bits.mjs', `Z:\\project\\${programs.replaceAll('/', '\\')}`)).toEqual({
      output: [
        'Child process read from shared memory: of 64 bits',
        'Announced: This is a test string, read: This is a test string',
        'In its seat, while this has the mutex: 0',
        'C++ added 1000: 1000',
        'After an owner that was killed: abandoned',
        '',
      ].join('\n'),
      status: 0,
    });
  });
});
