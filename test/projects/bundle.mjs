/**
 * Bundles a program with everything but koffi, which is a native addon:
 *
 *     node bundle.mjs esbuild|rollup|webpack PROGRAM BUNDLE     where the bundle's name ends with .mjs or .cjs
 */
import { basename, dirname } from 'node:path';
import { argv } from 'node:process';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import * as esbuild from 'esbuild';
import { rollup } from 'rollup';
import webpack from 'webpack';

const [bundler, program, bundle] = argv.slice(2);
const isModule = bundle.endsWith('.mjs');

const bundlers = {
  async esbuild() {
    await esbuild.build({
      ...{ entryPoints: [program], outfile: bundle, bundle: true, platform: 'node', external: ['koffi'] },
      ...{ format: isModule ? 'esm' : 'cjs', logLevel: 'error' },
    });
  },

  async rollup() {
    const built = await rollup({ input: program, external: ['koffi', /^node:/], plugins: [nodeResolve()] });
    await built.write({ file: bundle, format: isModule ? 'es' : 'cjs' });
  },

  async webpack() {
    const stats = await new Promise((resolve, reject) => {
      const settings = {
        ...{ mode: 'production', target: 'node', entry: program, experiments: { outputModule: isModule } },
        externals: { koffi: isModule ? 'module koffi' : 'commonjs koffi' },
        output: { path: dirname(bundle), filename: basename(bundle), module: isModule },
      };
      webpack(settings, (error, result) => (error ? reject(error) : resolve(result)));
    });
    if (stats.hasErrors()) throw new Error(stats.toString('errors-only'));
  },
};

await bundlers[bundler]();
