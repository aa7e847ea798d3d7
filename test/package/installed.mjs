/**
 * Runs the test suite on what `npm run package` has made, as npm installs it: its JavaScript and its libraries take the
 * place of those that were built here. What the tests run beside them stays.
 *
 *     npm run build && node test/package/installed.mjs [vitest arguments]
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { target } = await import('../../dist/win32/native-library.js');

/** Runs a command, and ends this program as it ends if it fails. */
function run(command, args, options) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const folder = mkdtempSync(join(tmpdir(), 'installed-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'package.json'), '{}');
const tarball = join(root, `build/${name}-${version}.tgz`);
// On Windows npm is a script of the shell's.
run('npm', ['install', '--no-audit', '--no-fund', `"${tarball}"`], { cwd: folder, shell: true });
const installed = join(folder, 'node_modules', name);
run(process.execPath, [join(installed, 'dist/cli/main.js'), 'doctor'], { cwd: folder });

rmSync(join(root, 'dist'), { recursive: true });
cpSync(join(installed, 'dist'), join(root, 'dist'), { recursive: true });
cpSync(join(installed, 'build', target()), join(root, 'build/Release'), { recursive: true });
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
run(process.execPath, [vitest, 'run', '--config', 'test/vitest.config.ts', ...process.argv.slice(2)], { cwd: root });
