import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { crossCompile } from '../../dll/packaging/cross-compiler.mjs';
import { root } from './user.js';

/** The C++ libraries that Alpine has beside musl, for programs that were built there. */
export const alpineLibraries = join(root, 'build/musl/alpine');

/** GCC's own libraries on this machine, the C++ one as a kit of which a part can be linked. */
const KIT = ['stdc++_pic', 'gcc_eh', 'gcc'].map((name) => `lib${name}.a`);

const KOFFI = join(root, 'node_modules/@koromix/koffi-linux-x64/musl_x64/koffi.node');

/** Makes them of GCC's, with what these programs and koffi take of them. */
export function makeAlpineLibraries(programs: readonly string[]): void {
  const library = join(alpineLibraries, 'libstdc++.so.6');
  rmSync(alpineLibraries, { recursive: true, force: true });
  mkdirSync(alpineLibraries, { recursive: true });
  const nm = ['--dynamic', '--format=just-symbols'];
  const symbols = [...programs, KOFFI].flatMap((path) =>
    execFileSync('nm', [...nm, path], { encoding: 'utf8' }).split('\n'),
  );
  // Names with a version are a program's own.
  const wanted = new Set(symbols.filter((name) => /^(__|_Z|_Unwind)[^@]*$/.test(name)));
  const kit = KIT.map((name) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim());
  if (!kit.every(existsSync)) {
    throw new Error(`${kit[0]} is missing: apt-get install --no-install-recommends libstdc++-12-pic`);
  }
  const required = [...wanted].map((name) => `-Wl,-u,${name}`);
  const output = ['-shared', '-nostdlib', '-o', library, '-Wl,-soname,libstdc++.so.6'];
  crossCompile('linux-x64-musl', [...output, ...required, join(root, 'test/package/glibc.cpp'), ...kit]);
  // Another name for the same library.
  symlinkSync('libstdc++.so.6', join(alpineLibraries, 'libgcc_s.so.1'));
}
