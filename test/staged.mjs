/**
 * Runs the test suite in a copy of the tree, with another build of the native part in it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const STAGED = [
  'CHANGELOG.md',
  'CMakeLists.txt',
  'CONTRIBUTING.md',
  'README.md',
  'SECURITY.md',
  'dist',
  'dll',
  'docs',
  'package.json',
  'src',
  'test',
  'tsconfig.json',
];

/** Runs a command, quietly unless it fails, and returns what it printed. */
export function run(command, args, env = {}, cwd = root) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: Infinity,
  });
  if (status === 0) return stdout;
  console.error(`${stdout}${stderr}\n${command} ${args.join(' ')} failed`);
  process.exit(1);
}

/**
 * Copies the tree to `build/NAME/app`, and builds the native part into it.
 *
 * @param settings of CMake, by their names
 * @returns the copy, and CMake's own folder
 */
export function stage(name, settings) {
  const app = join(root, 'build', name, 'app');
  const native = join(root, 'build', name, 'native');
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  for (const each of STAGED) cpSync(join(root, each), join(app, each), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(app, 'node_modules'));
  const all = { ...settings, DLLMEMFILEMAP_OUTPUT_DIRECTORY: join(app, 'build/Release') };
  const defines = Object.entries(all).flatMap(([key, value]) => ['-D', `${key}=${value}`]);
  run('cmake', ['-S', '.', '-B', native, ...defines]);
  run('cmake', ['--build', native, '--parallel', String(availableParallelism())]);
  return { app, native };
}

/** Runs vitest in such a copy, and returns its exit code. */
export function vitest(app, args, env = {}) {
  const command = [join(app, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'test/vitest.config.ts', ...args];
  return spawnSync(process.execPath, command, { cwd: app, env: { ...process.env, ...env }, stdio: 'inherit' }).status;
}
