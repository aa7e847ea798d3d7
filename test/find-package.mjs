/**
 * Installs a build of the project, and builds a small project outside the tree with what it finds there; then the same
 * project with this one as its subproject:
 *
 *     node test/find-package.mjs TREE FOLDER [CMake arguments]
 *
 * What is installed is then in FOLDER/prefix, the programs are in FOLDER/build, and those of the other way in
 * FOLDER/subproject-build.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [tree, folder, ...options] = process.argv.slice(2);

function cmake(...args) {
  const { status, stdout, stderr, error } = spawnSync('cmake', args, { encoding: 'utf8' });
  if (status === 0) return;
  console.error(error?.message ?? `${stdout}${stderr}\ncmake ${args.join(' ')} failed`);
  process.exit(1);
}

const at = (name) => join(folder, name);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
cmake('--install', tree, '--prefix', at('somewhere'), '--config', 'Release');
// It has to work wherever it is put.
renameSync(at('somewhere'), at('prefix'));
cpSync(fileURLToPath(new URL('fixture/find-package', import.meta.url)), at('project'), { recursive: true });

function build(tree, ...settings) {
  cmake('-S', at('project'), '-B', at(tree), ...settings, ...options);
  cmake('--build', at(tree), '--config', 'Release', '--parallel', String(availableParallelism()));
}

build('build', `-DCMAKE_PREFIX_PATH=${at('prefix')}`);
build('subproject-build', `-DDLLMEMFILEMAP_SOURCES=${fileURLToPath(new URL('..', import.meta.url))}`);
