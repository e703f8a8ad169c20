/** Lower-case hex digits of bytes. By table: several ids are written for every call. */
export function hexText(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index++) text += OCTETS[bytes[index] ?? 0];
  return text;
}

const OCTETS: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));
