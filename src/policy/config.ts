import { z } from 'zod';

/** Section `policies` of `fairlead.yaml`: where the policy files are. */
export const policySections = {
  policies: z
    .array(
      z.strictObject({
        path: z.string().min(1).describe('A folder, read with its sub-folders, or one file.'),
        on: z.never({ error: 'limits on what a folder may say (`on`) are not supported yet' }).optional(),
        verbs: z.never({ error: 'limits on what a folder may say (`verbs`) are not supported yet' }).optional(),
      }),
    )
    .max(100)
    .default([])
    .describe('Folders of policy files.'),
};

export type PolicyFolder = z.output<(typeof policySections)['policies']>[number];
