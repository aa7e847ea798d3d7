import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { root } from './user.js';

/** A Debian 11, with glibc 2.31 and that of arm64. */
export const debian11 = join(root, 'build/debian-11');

/** A Debian 12 whose Wine runs 32-bit and 64-bit programs together. Not every Debian can install the former's libraries. */
export const debianWithWine = join(root, 'build/debian-wine');

/** Node's C++ library, and what QEMU needs of a system for arm64. */
const PACKAGES = 'libstdc++6,libc6-arm64-cross,libstdc++6-arm64-cross';

// Without offers to download Mono and Gecko. Node refuses to start on Windows 7, which Wine 8 pretends to be.
const INSTALL_WINE = `
  dpkg --add-architecture i386
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends wine wine64 wine32:i386
  export WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=
  wine wineboot -i
  wine winecfg -v win10
  wineserver -w`;

/** The rest of its arguments are debootstrap's. */
const INSTALL = `
  finish=$1
  shift
  debootstrap --variant=minbase "$@" "$0"
  mount -t proc proc "$0/proc"
  chroot "$0" env --ignore-environment HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec "$finish; apt-get clean"`;

/** Installs a Debian, once, in about a minute. */
function install(folder: string, finish: string, ...options: string[]): void {
  if (existsSync(folder)) return;
  if (process.getuid?.() !== 0) throw new Error('It takes root to install a Debian and to run programs in it');
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(join(unfinished, 'project'), { recursive: true });
  // Its mounts end with it, even if it is killed.
  const command = ['--mount', 'sh', '-ec', INSTALL, unfinished, finish, ...options];
  execFileSync('unshare', command, { stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(unfinished, folder);
}

/** Installs both. */
export function prepareDebians(): void {
  install(debian11, ':', `--include=${PACKAGES}`, 'bullseye');
  install(debianWithWine, INSTALL_WINE, 'bookworm');
}
