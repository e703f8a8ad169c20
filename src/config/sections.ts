import { z } from 'zod';
import { auditSections } from '../audit/config.ts';
import { controlSections } from '../control/config.ts';
import { gatewaySections } from '../gateway/config.ts';
import { identitySchema, sessionsSchema } from '../identity/config.ts';
import { observeSections } from '../observe/config.ts';
import { policySections } from '../policy/config.ts';
import { storeSections } from '../store/config.ts';
import { targetSections } from '../targets/config.ts';

/** The whole file: the sections of every room, and those that are known and refused by name until something enforces them. */
export const fileSchema = z.strictObject({
  ...controlSections,
  ...gatewaySections,
  ...storeSections,
  identity: identitySchema.default([]).describe('Who may be believed: OpenID providers and Kubernetes clusters.'),
  sessions: sessionsSchema.prefault({}).describe('How long sign-ins last.'),
  ...targetSections,
  ...policySections,
  ...auditSections,
  ...observeSections,
  meshes: z.never({ error: 'mesh rules (`meshes`) are not supported yet' }).optional(),
  askers: z.never({ error: 'proxies that ask over ext_authz (`askers`) are not supported yet' }).optional(),
});

export type Sections = z.output<typeof fileSchema>;
export type SectionName = keyof Sections;

/** What parsed of a file with errors: sections as they are, lists with holes where an item did not parse. */
export type PartialSections = {
  readonly [Name in SectionName]?: Sections[Name] extends readonly (infer Item)[]
    ? readonly (Item | undefined)[]
    : Sections[Name];
};

/** Each section on its own, so that rules across sections can be told in the same breath as mistakes inside them. */
export function salvage(data: Readonly<Record<string, unknown>>): PartialSections {
  const found: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(fileSchema.shape)) {
    const value = Object.hasOwn(data, name) ? data[name] : undefined;
    const whole = schema.safeParse(value);
    if (whole.success) found[name] = whole.data;
    else if (Array.isArray(value)) found[name] = value.map((item) => firstOf(schema.safeParse([item]).data));
  }
  // The loop went over the same shape that the type is made from.
  return found as PartialSections;
}

function firstOf(list: unknown): unknown {
  return Array.isArray(list) ? list[0] : undefined;
}
