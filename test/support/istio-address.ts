import fc from 'fast-check';

/** Addresses of both families as text, the ends of blocks among them. */
export const addressText: fc.Arbitrary<string> = fc.oneof(
  fc.ipV4(),
  fc.constantFrom(
    '0.0.0.0',
    '9.255.255.255',
    '10.0.0.0',
    '10.127.255.255',
    '10.128.0.0',
    '255.255.255.255',
    '::',
    '::1',
    'ffff::',
  ),
);
