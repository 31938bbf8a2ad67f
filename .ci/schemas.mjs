// Checks the objects in YAML files against the schemas of their kinds: what is missing, and values that are not allowed.
// The test ManifestsTest finds what these let pass: fields that there are none of.
import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';

const CUSTOM = {
  'external-secrets.io': '@kubernetes-models/external-secrets',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

let checked = 0;
for (const file of process.argv.slice(2)) {
  for (const object of loadAll(readFileSync(file, 'utf8'))) {
    const { apiVersion, kind } = object;
    const models = CUSTOM[apiVersion.split('/')[0]] ?? 'kubernetes-models';
    const model = (await import(`${models}/${apiVersion}/${kind}`))[kind];
    try {
      new model(object).validate();
    } catch (failure) {
      throw new Error(`${file}: ${kind} ${object.metadata.name}: ${failure.message}`);
    }
    checked++;
  }
}
console.log(`${checked} objects fit their schemas`);
