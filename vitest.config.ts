import { defineConfig } from 'vitest/config';

/** Set by `npm run test:long`: each property is tried in full (`test/support/runs.ts`), and what cannot run is a failure. */
const isThorough = process.env['FAIRLEAD_TEST_ALL'] === 'true';

/** `unit` stands beside the code and is quick; `system` starts real servers; `long` is what takes over three minutes alone. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/house/*.test.ts'],
          exclude: ['**/*.system.test.ts'],
          // One process after another file: half of the time went into loading the same modules for each. No file leaves anything behind.
          isolate: false,
          testTimeout: isThorough ? 300_000 : 20_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/**/*.system.test.ts'],
          globalSetup: ['test/support/shared-prefect.ts'],
          testTimeout: 180_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'long',
          include: ['test/**/*.long.test.ts'],
          globalSetup: ['test/support/shared-prefect.ts'],
          testTimeout: 900_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
