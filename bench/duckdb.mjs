// Runs SQL statements in DuckDB. Standard input: {"threads": n, "statements": [{"sql": "...", "rows": n}]}; standard
// output: one {"rows": [[text or null]]} or {"error": "..."} a statement. An error stops nothing.
import { DuckDBInstance } from '@duckdb/node-api';
import { readFileSync, writeSync } from 'node:fs';

const { threads, statements } = JSON.parse(readFileSync(0, 'utf8'));
const instance = await DuckDBInstance.create(':memory:', {
  threads: String(threads),
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
});
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");
const results = [];
for (const { sql, rows } of statements) {
  try {
    if (rows) {
      const reader = await connection.runAndReadUntil(sql, rows);
      results.push({ rows: reader.getRowsJson().slice(0, rows).map((row) => row.map((v) => (v === null ? null : String(v)))) });
    } else {
      await connection.run(sql);
      results.push({});
    }
  } catch (error) {
    results.push({ error: String(error.message ?? error) });
  }
}
const text = Buffer.from(JSON.stringify(results));
for (let at = 0; at < text.length; ) {
  at += writeSync(1, text, at);
}
