// In charge of how vitest runs the tests: files side by side, each on a database of its own, one server for all.
import { createRequire } from 'node:module';
import { configDefaults, defineConfig } from 'vitest/config';

if (Number.parseInt(process.versions.node, 10) < 24) {
  throw new Error(
    `The tests need Node 24, and this is Node ${process.versions.node}: npm test -- test/x.test.ts, or npx vitest run test/x.test.ts, bring their own.`,
  );
}

export default defineConfig({
  // the same file of graphql that Node gives everybody else: two of it do not know each other's types
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
  test: {
    include: ['test/**/*.test.ts'],
    // a real Citus does not take a database for one that only says so
    exclude: [...configDefaults.exclude, ...(process.env['CITUS_URL'] === undefined ? [] : ['test/running/citus.test.ts'])],
    globalSetup: ['test/global-setup.ts'],
    // Bounds for what hangs, not measurements: beside busy neighbours a test takes ten times as long as alone, and what is awaited comes later.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    teardownTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    maxWorkers: '100%', // one less than there are processors is one of two, which waits for Postgres half of the time
  },
});
