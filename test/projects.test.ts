import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kernel32Path } from '../dist/win32/native-library.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const fixtures = join(root, 'test/projects');
const build = relative(root, dirname(kernel32Path()));

/** Makes a user's project: this package is in its node_modules, as npm would have put it there. */
function makeProject(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'project-')));
  const installed = join(folder, 'node_modules/dllmemfilemap');
  mkdirSync(installed, { recursive: true });
  for (const path of ['package.json', 'dist']) cpSync(join(root, path), join(installed, path), { recursive: true });
  for (const library of ['libdllmemfilemap', 'libkernel32']) {
    const name = kernel32Path().replace(/.*libkernel32/, library);
    cpSync(join(root, build, name), join(installed, build, name));
  }
  symlinkSync(join(root, 'node_modules/koffi'), join(folder, 'node_modules/koffi'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  return folder;
}

/** Runs a script with this Node, as somebody else would: without what Vitest and coverage tell their children. */
function run(cwd: string, ...args: string[]) {
  const { VITEST, NODE_V8_COVERAGE, ...env } = process.env;
  const options = { cwd, env, encoding: 'utf8', timeout: 50_000, killSignal: 'SIGKILL' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  return { status, output: stdout + stderr };
}

function installTools(): void {
  if (existsSync(join(fixtures, 'node_modules/.package-lock.json'))) return;
  const options = ['--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts'];
  execFileSync('npm', ['install', ...options], { cwd: fixtures, stdio: 'ignore' });
}

// Whatever is tried here is JavaScript, the same on Windows, where the tests have no npm.
describe.skipIf(process.platform === 'win32')('In a project of somebody else', () => {
  let project: string;

  beforeAll(() => {
    installTools();
    project = makeProject();
    cpSync(join(fixtures, 'using.mjs'), join(project, 'using.test.mjs'));
  }, 600_000);
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  test.each(['threads', 'forks', 'vmThreads', 'vmForks'])('tests run in the pool %s of Vitest', (pool) => {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    expect(run(project, vitest, 'run', '--globals', '--pool', pool)).toMatchObject({
      status: 0,
      output: expect.stringContaining('3 passed'),
    });
  });

  test('tests run in Jest, as ECMAScript modules', () => {
    const config = JSON.stringify({ testMatch: ['**/using.test.mjs'], transform: {} });
    expect(
      run(project, '--experimental-vm-modules', join(fixtures, 'node_modules/jest/bin/jest.js'), '--config', config),
    ).toMatchObject({
      status: 0,
      output: expect.stringContaining('3 passed'),
    });
  });

  test.each([
    ['program.cts', { module: 'nodenext' }],
    ['program.cts', { module: 'node16' }],
    ['program.cts', { module: 'preserve', moduleResolution: 'bundler' }],
    ['program.ts', { module: 'preserve', moduleResolution: 'bundler' }],
    ['program.mts', { module: 'node16' }],
  ])('TypeScript compiles %s with neither the types of Node nor a newer library than ES2020: %o', (name, settings) => {
    writeFileSync(
      join(project, name),
      `import { array, FileMapping, type MappedView, struct, type StructValue } from 'dllmemfilemap';
       import { Win32Error, type WatchOptions, watchSharedMem } from 'dllmemfilemap';
       import { type Mirror, mirror, type MirrorOptions } from 'dllmemfilemap/mirror';
       const mirrorOptions: MirrorOptions = { group: 'example' };
       export const mirrored: Promise<Mirror> = mirror('nats://127.0.0.1:4222', mirrorOptions);
       const options: WatchOptions = { interval: 10 };
       export const watched: AsyncGenerator<string> = watchSharedMem(options);
       export const { code }: Win32Error = new Win32Error(2, 'OpenFileMappingW');
       const Car = struct({ speed: array('float', 3) });
       export const close = (mapping: FileMapping, view: MappedView, { speed }: StructValue<typeof Car>): void => {
         if (speed[0] === 0 && mapping instanceof FileMapping) view.close();
       };
       export const bytes: Uint8Array = FileMapping.create(null, 4096).mapView().bytes;`,
    );
    const compilerOptions = { target: 'es2020', lib: ['es2020'], types: [], strict: true, noEmit: true, ...settings };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [name] }));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    expect(run(project, tsc)).toEqual({ status: 0, output: '' });
  });

  test.each(['index', 'mirror/mirror'])('TypeScript knows the same of %s by require() as by import', (module) => {
    const declarations = readFileSync(join(root, `dist/${module}.d.ts`), 'utf8');
    const lists = declarations.matchAll(/^export (?:type )?{(.*)}/gm);
    const names = [
      ...[...lists].flatMap(([, list = '']) => list.split(',').map((name) => name.replace('type ', '').trim())),
      ...[...declarations.matchAll(/^export declare class (\w+)/gm)].map(([, name = '']) => name),
    ];
    const inCommonJs = readFileSync(join(root, `dist/${module}.d.cts`), 'utf8').matchAll(/^ +type (\w+)/gm);
    // Values come as a whole. A class is a type as well.
    const types = names.filter((name) => /^[A-Z]\w*[a-z]/.test(name));
    expect([...inCommonJs].map(([, name]) => name).sort()).toEqual(types.sort());
  });

  test('require() loads the package, and mirroring without its client', () => {
    const code = "require('dllmemfilemap').MAX_CHARACTERS + typeof require('dllmemfilemap/mirror').mirror";
    expect(run(project, '-p', code)).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^2047function\n/),
    });
  });
});

describe.skipIf(process.platform === 'win32')('A bundle', () => {
  let project: string;

  beforeAll(() => {
    installTools();
    project = makeProject();
    cpSync(join(fixtures, 'program.mjs'), join(project, 'program.mjs'));
  }, 600_000);
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  describe.each(['esbuild', 'rollup', 'webpack'])('of %s', (bundler) => {
    test.each(['bundle.mjs', 'bundle.cjs'])(
      'finds its libraries, or says what to do: %s',
      (name) => {
        const folder = mkdtempSync(join(project, `${bundler}-`));
        const bundle = join(folder, name);
        const made = run(project, join(fixtures, 'bundle.mjs'), bundler, join(project, 'program.mjs'), bundle);
        expect(made).toMatchObject({ status: 0 });

        const installed = join(project, 'node_modules/dllmemfilemap');
        const elsewhere = join(project, 'elsewhere');
        // As on another machine: some bundlers write the path of the package into the bundle.
        renameSync(installed, elsewhere);
        try {
          const { status, output } = run(folder, bundle);
          expect(status).not.toBe(0);
          expect(output).toMatch(
            /Cannot load '.*': this package was bundled, .* copy its folder 'build' .*DLLMEMFILEMAP_BUILD\.\n/,
          );

          const printed = {
            status: 0,
            output: expect.stringMatching(
              /^from a bundle 0\nCannot wait: .* Mark 'dllmemfilemap' as external, .*Sync\n$/,
            ),
          };
          process.env.DLLMEMFILEMAP_BUILD = join(elsewhere, 'build');
          expect(run(folder, bundle)).toEqual(printed);
          delete process.env.DLLMEMFILEMAP_BUILD;

          cpSync(join(elsewhere, 'build'), join(folder, 'build'), { recursive: true });
          expect(run(folder, bundle)).toEqual(printed);
        } finally {
          delete process.env.DLLMEMFILEMAP_BUILD;
          renameSync(elsewhere, installed);
        }
      },
      180_000,
    );
  });
});
