import { configJsonSchema } from '../config/json-schema.ts';
import { EXIT } from './functions.ts';
import type { Output } from './output.ts';

/** The JSON Schema of `fairlead.yaml`, for editors. */
export async function schema(output: Output): Promise<number> {
  output.data(configJsonSchema(), () => '');
  return EXIT.ok;
}
