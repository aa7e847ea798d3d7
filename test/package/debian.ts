import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { root } from './user.js';

/** A Debian 11, with glibc 2.31 and that of arm64. */
export const debian = join(root, 'build/debian-11');

/** Node's C++ library, and what QEMU needs of a system for arm64. */
const PACKAGES = 'libstdc++6,libc6-arm64-cross,libstdc++6-arm64-cross';

/** Installs the Debian, once, in about a minute. */
export function prepareDebian(): void {
  if (existsSync(debian)) return;
  if (process.getuid?.() !== 0) throw new Error('It takes root to install a Debian 11 and to run Node in it');
  const unfinished = `${debian}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(join(unfinished, 'project'), { recursive: true });
  // Its mounts end with it, even if it is killed.
  const command = ['--mount', 'debootstrap', '--variant=minbase', `--include=${PACKAGES}`, 'bullseye', unfinished];
  execFileSync('unshare', command, { stdio: ['ignore', 'ignore', 'inherit'] });
  rmSync(join(unfinished, 'var/cache/apt'), { recursive: true });
  renameSync(unfinished, debian);
}
