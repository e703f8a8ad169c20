import { describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { diagnosticText } from '../core/diagnostic.ts';
import { ENFORCED } from '../enforced.ts';
import { policyTools } from '../policy-tools.ts';
import { DEFAULT_PORTS } from './demo-ports.ts';
import { renderGatewayConfig } from './gateway-config.ts';
import { POLICY_FILES } from './policy-files.ts';

const text = renderGatewayConfig({
  ports: DEFAULT_PORTS,
  prefectAuthFile: '/demo/prefect-auth',
  clientSecretFile: '/demo/client-secret',
});
const { config } = loadConfig(text, '/demo/fairlead.yaml');

describe("the demo's policies", () => {
  const tools = policyTools(config ?? { targets: [], identity: [], administrators: [] });
  const files = Object.entries(POLICY_FILES).map(([name, content]) => ({ path: name, text: content }));
  const { policy, diagnostics } = tools.load(files);

  it('load under the catalogues without a word, and ask for nothing that is not enforced', () => {
    expect(diagnostics.map(diagnosticText)).toEqual([]);
    expect(policy === undefined ? ['no policy'] : tools.notEnforceable(policy, ENFORCED)).toEqual([]);
  });

  it('answer as the tests beside them say', () => {
    const results = policy === undefined ? [] : tools.test(policy);
    expect(results.length).toBeGreaterThanOrEqual(12);
    expect(results.filter((result) => !result.passed).map((result) => `${result.test.name}: ${result.message}`)).toEqual([]);
  });

  it('have one rule that only watches', () => {
    expect(policy?.rules.filter((rule) => rule.mode === 'observe').map((rule) => rule.ref.name)).toEqual([
      'web/reports-are-for-leads',
    ]);
  });
});
