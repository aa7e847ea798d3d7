/**
 * Puts what `index.js` loads into one file, `dist/bundle/modules.js`, as loading a file takes longer than running it. The files
 * that tsc made of it stay where they are, and export what they did from there. Runs after tsc:
 *
 *     node src/bundle.mjs
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const src = fileURLToPath(new URL('.', import.meta.url));

/**
 * What stays as tsc made it, since it is needed without koffi: by `doctor`, and by a helper thread that begins. What
 * `modules.js` needs of it is copied, so it has no state.
 */
const AS_IT_IS = /(native-library|helper-thread|helper-loop|protocol)\.ts$/;

const sources = ['win32', 'objects', 'shared-mem'].flatMap((folder) =>
  readdirSync(join(src, folder), { recursive: true }).map((path) => join(folder, path)),
);
const modules = ['index.ts', ...sources]
  .filter((path) => path.endsWith('.ts') && !AS_IT_IS.test(path))
  .map((path) => path.replace(/\.ts$/, '').replaceAll('\\', '/'));

await build({
  input: Object.fromEntries(modules.map((name) => [name, join(dist, `${name}.js`)])),
  external: /^node:|^koffi$/,
  platform: 'neutral',
  treeshake: false,
  plugins: [
    {
      name: 'source maps of tsc',
      load: (path) => ({ code: readFileSync(path, 'utf8'), map: readFileSync(`${path}.map`, 'utf8') }),
    },
  ],
  output: {
    dir: dist,
    entryFileNames: '[name].js',
    chunkFileNames: 'bundle/[name].js',
    codeSplitting: { groups: [{ name: 'modules' }] },
    sourcemap: true,
    minify: false,
    minifyInternalExports: false,
    // They are in the sources and in the declarations.
    comments: { jsdoc: false },
  },
});
// A file that only exports has no code for a map to lead from.
for (const name of modules) rmSync(join(dist, `${name}.js.map`));
