import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What `npm run package` has made. */
export const tarball = join(root, `build/${name}-${version}.tgz`);

const { HOME = '', PATH = '' } = process.env;

/** The environment of somebody who has a compiler. */
export const developer = { HOME, PATH };

/** What somebody who has only Node has on the PATH. npm starts scripts and commands with a shell. */
const COMMANDS = ['node', 'npm', 'npx', 'sh'];

/** Somebody who has only Node, and an empty folder. */
export class User implements Disposable {
  readonly folder: string;
  readonly env: { readonly HOME: string; readonly PATH: string };
  readonly #home = realpathSync(mkdtempSync(join(tmpdir(), 'user-')));

  constructor() {
    this.folder = join(this.#home, 'folder');
    this.env = { HOME, PATH: join(this.#home, 'bin') };
    mkdirSync(this.folder);
    mkdirSync(this.env.PATH);
    for (const command of COMMANDS) {
      const path = execFileSync('which', [command], { encoding: 'utf8' }).trim();
      symlinkSync(realpathSync(path), join(this.env.PATH, command));
    }
  }

  /** Installs the package into the folder. */
  install(...options: string[]): void {
    const { status, stderr } = this.run('npm', 'install', '--no-audit', '--no-fund', ...options, tarball);
    if (status !== 0) throw new Error(stderr);
  }

  /** Runs a command in the folder. */
  run(command: string, ...args: string[]) {
    const { folder: cwd, env } = this;
    return spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: 120_000, killSignal: 'SIGKILL' });
  }

  [Symbol.dispose](): void {
    rmSync(this.#home, { recursive: true });
  }
}
