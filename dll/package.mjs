/**
 * Builds the libraries that the npm package brings, each for its platform into build/<platform>-<arch>, and removes
 * dist, which has to be compiled anew. "npm pack" and "npm publish" do this before they pack.
 *
 * Runs on Linux as root: what is for Linux is built in a Debian 11, so that it runs with glibc 2.31 and later.
 * debootstrap installs that below build, which takes about a minute, and it is kept.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const TOOLS = ['cmake', 'debootstrap', 'unshare', 'x86_64-w64-mingw32-g++'];
const PACKAGES = 'cmake make g++-mingw-w64-x86-64 debootstrap debian-archive-keyring util-linux';

const DEBIAN = 'build/debian-11';

// The C++ runtime in the library itself, and not offered to others.
const STATIC_RUNTIME = '-static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL';

const root = fileURLToPath(new URL('..', import.meta.url));

function fail(message) {
  console.error(`Cannot make the package: ${message}`);
  process.exit(1);
}

/** Runs a step, of which only what goes wrong is printed. */
function run(command, ...args) {
  try {
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  } catch (error) {
    fail(error.message);
  }
}

/** Runs a command whose mounts end with it, even if it is killed. */
const runApart = (...command) => run('unshare', '--mount', ...command);

function installDebian() {
  if (existsSync(DEBIAN)) return;
  console.error(`Installing Debian 11 into ${DEBIAN} …`);
  const unfinished = `${DEBIAN}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(`${unfinished}/project`, { recursive: true });
  const options = ['--variant=minbase', '--include=cmake,make,g++,g++-aarch64-linux-gnu'];
  runApart('debootstrap', ...options, 'bullseye', unfinished);
  rmSync(`${unfinished}/var/cache/apt`, { recursive: true });
  renameSync(unfinished, DEBIAN);
}

/** Runs a command in the Debian 11, where this folder is /project. */
function runInDebian(...command) {
  const script = 'mount --bind . "$0/project" && exec chroot "$0" env --chdir=/project "$@"';
  runApart('sh', '-c', script, DEBIAN, ...command);
}

/** Builds the DLL and what it needs, and nothing else, with what `runCMake` finds. */
function build(target, runCMake, system, compiler, linkerFlags = '') {
  console.error(`Building for ${target} …`);
  const tree = `build/package/${target}`;
  runCMake(
    ...['cmake', '-S', '.', '-B', tree, '-D', `CMAKE_SYSTEM_NAME=${system}`, '-D', `CMAKE_CXX_COMPILER=${compiler}`],
    ...['-D', `CMAKE_SHARED_LINKER_FLAGS=-s ${linkerFlags}`, '-D', 'DLLMEMFILEMAP_TESTS=OFF'],
    // From the tree, as this folder has another path in the Debian 11.
    ...['-D', `DLLMEMFILEMAP_OUTPUT_DIRECTORY=../../${target}`],
  );
  runCMake('cmake', '--build', tree, '--target', 'dllmemfilemap', '--parallel');
}

const missing = TOOLS.filter((tool) => spawnSync('which', [tool], { stdio: 'ignore' }).status !== 0);
if (missing.length > 0) {
  fail(`${missing.join(', ')} missing: apt-get install -y --no-install-recommends ${PACKAGES}`);
}
if (process.getuid?.() !== 0) fail('it takes root, to install a Debian 11 and to build there: run it as root');

rmSync(`${root}/dist`, { recursive: true, force: true });
rmSync(`${root}/build/package`, { recursive: true, force: true });
installDebian();
build('linux-x64', runInDebian, 'Linux', 'x86_64-linux-gnu-g++', STATIC_RUNTIME);
build('linux-arm64', runInDebian, 'Linux', 'aarch64-linux-gnu-g++', STATIC_RUNTIME);
build('win32-x64', run, 'Windows', 'x86_64-w64-mingw32-g++');
