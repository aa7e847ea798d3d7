/**
 * Installs a build of the project, and builds a small project outside the tree with what it finds there:
 *
 *     node test/find-package.mjs TREE FOLDER [CMake arguments]
 *
 * What is installed is then in FOLDER/prefix, and the programs are in FOLDER/build.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
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
cmake('-S', at('project'), '-B', at('build'), `-DCMAKE_PREFIX_PATH=${at('prefix')}`, ...options);
cmake('--build', at('build'), '--config', 'Release');
