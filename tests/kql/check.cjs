// Reads one JSON string (a KQL query) per line and answers each with one line: a JSON array of
// what Microsoft's parser says about it, parsed and bound against the tables of Resource Graph.
'use strict';

const path = require('node:path');
const readline = require('node:readline');

const home = path.join(__dirname, '..', '..', 'node_modules', '@kusto', 'language-service-next');
require(path.join(home, 'bridge.min.js'));
require(path.join(home, 'Kusto.Language.Bridge.min.js'));

const { KustoCode, GlobalState, Symbols } = Kusto.Language;

// Resource Graph compares table names without case; these are the two spellings in use.
const TABLES = [
  'resources', 'Resources',
  'kubernetesconfigurationresources', 'KubernetesConfigurationResources',
  'resourcecontainers', 'ResourceContainers',
];
const TEXT = ['id', 'name', 'type', 'tenantId', 'kind', 'location', 'resourceGroup', 'subscriptionId', 'managedBy'];
const DYNAMIC = ['sku', 'plan', 'properties', 'tags', 'identity', 'zones', 'extendedLocation'];

// Names are quoted: `kind` is a keyword.
const columns = [...TEXT.map((name) => `['${name}']:string`), ...DYNAMIC.map((name) => `['${name}']:dynamic`)];
const tables = TABLES.map((name) => new Symbols.TableSymbol.$ctor7(name, `(${columns.join(', ')})`, null));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('graph', tables));

function diagnostics(query) {
  const found = [];
  const list = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  for (let index = 0; index < list.Count; index += 1) {
    const one = list.getItem(index);
    if (one.Severity !== 'Suggestion') found.push(`${one.Severity} ${one.Code} at ${one.Start}: ${one.Message}`);
  }
  return found;
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  process.stdout.write(`${JSON.stringify(diagnostics(JSON.parse(line)))}\n`);
});
