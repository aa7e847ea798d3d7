/**
 * Builds the native part: the DLL, the programs and, where the system has none, kernel32.
 *
 *     node dll/build.mjs              for this machine, into build/Release: with cmake-js, or with CMake alone in an
 *                                     installed package, which has no cmake-js
 *     node dll/build.mjs --windows    for 64-bit Windows, with MinGW-w64, into build/win32-x64
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const forWindows = process.argv.includes('--windows');

// What CMake and cmake-js say where they find no compiler, or nothing to run it with.
const NO_COMPILER =
  /No CMAKE_CXX_COMPILER|CMAKE_CXX_COMPILER not set|is not a full path|CMAKE_MAKE_PROGRAM is not set|any instance of Visual Studio|no Visual C\+\+ compiler|Compiler toolset is not available/i;

function fail(message) {
  console.error(message);
  process.exit(1);
}

function failForMissing(tool) {
  fail(
    `Cannot build: ${tool} was not found. Install on Debian/Ubuntu: ` +
      `apt-get install cmake make ${forWindows ? 'g++-mingw-w64-x86-64' : 'g++'}; ` +
      'on Windows: winget install Kitware.CMake and the Visual Studio Build Tools with the C++ workload; ' +
      'on macOS: xcode-select --install and brew install cmake.',
  );
}

/** Runs a step of the build, quietly unless it fails. */
function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: Infinity,
  });
  if (status === 0) return;
  const output = `${stdout}${stderr}`;
  if (NO_COMPILER.test(output)) failForMissing('a C++ compiler');
  fail(`${output}\nThe build failed: ${command} ${args.join(' ')}`);
}

/** Lets CMake configure a tree anew that has been moved or copied, which it would refuse to build. */
function forgetIfMoved(tree) {
  const cache = join(root, tree, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const configured = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  if (configured && relative(configured, root) === '') return;
  rmSync(cache);
  rmSync(join(root, tree, 'CMakeFiles'), { recursive: true, force: true });
}

function buildWithCMake(tree, ...options) {
  forgetIfMoved(tree);
  run('cmake', ['-S', '.', '-B', tree, ...options]);
  run('cmake', ['--build', tree, '--config', 'Release', '--parallel', String(availableParallelism())]);
}

function buildWithCMakeJs(folder) {
  forgetIfMoved('build');
  run(process.execPath, [join(folder, 'bin/cmake-js'), 'build', '--out', 'build']);
}

/** The folder of cmake-js, which is there for whoever develops this package, and not for whoever installs it. */
function findCmakeJs() {
  try {
    return dirname(createRequire(import.meta.url).resolve('cmake-js/package.json'));
  } catch {
    return undefined;
  }
}

if (spawnSync('cmake', ['--version']).status !== 0) failForMissing('CMake');

const cmakeJs = findCmakeJs();
if (forWindows) {
  buildWithCMake(
    'build/cmake-win32-x64',
    ...['-D', 'CMAKE_SYSTEM_NAME=Windows', '-D', 'CMAKE_CXX_COMPILER=x86_64-w64-mingw32-g++'],
    ...['-D', `DLLMEMFILEMAP_OUTPUT_DIRECTORY=${join(root, 'build/win32-x64')}`],
  );
} else if (cmakeJs) {
  buildWithCMakeJs(cmakeJs);
} else {
  buildWithCMake('build');
}
