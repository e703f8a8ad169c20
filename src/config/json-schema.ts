import { z } from 'zod';
import { fileSchema } from './sections.ts';

/** JSON Schema (2020-12) of `fairlead.yaml` for editors. It knows shapes; references and cross-field rules are for `loadConfig`. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(fileSchema, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'fairlead.yaml', description: 'Configuration of Fairlead' };
}
