// Does a job (see rival/job.go) with ClickHouse on one thread. Standard input: the job as JSON, or null to print the version.
import { readFileSync } from 'node:fs';
import chdb from 'chdb';

const literal = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const identifier = (name) => '`' + name.replaceAll('\\', '\\\\').replaceAll('`', '\\`') + '`';

function type(c) {
  switch (c.kind) {
    case 'bool': return 'Nullable(Bool)';
    case 'int64': return 'Nullable(Int64)';
    case 'float64': return 'Nullable(Float64)';
    case 'decimal': return `Nullable(Decimal(${c.precision}, ${c.scale}))`;
    case 'string': case 'json': return 'Nullable(String)';
    case 'timestamp': return "Nullable(DateTime64(6, 'UTC'))"; // the Parquet writer knows instants only
  }
  throw new Error(`column ${c.name}: kind ${c.kind} is not one that the inputs have`);
}

// The tree of objects that columns are read from, as nested tuples.
function structure(columns) {
  const root = new Map();
  for (const c of columns) {
    let at = root;
    for (const key of c.path.slice(0, -1)) {
      if (!at.has(key)) at.set(key, new Map());
      at = at.get(key);
    }
    at.set(c.path.at(-1), type(c));
  }
  const members = (node) => [...node].map(([key, t]) =>
    identifier(key) + ' ' + (t instanceof Map ? `Tuple(${members(t)})` : t)).join(', ');
  return members(root);
}

const settings = {
  max_threads: 1,
  output_format_parquet_compression_method: literal('zstd'),
  precise_float_parsing: 1, // the default is off by one bit now and then
};
let format, columns, expression;

const job = JSON.parse(readFileSync(0, 'utf8'));
if (job === null) {
  process.stdout.write(chdb.query('SELECT version()', 'TSVRaw'));
} else {
  if (job.ndjson) {
    [format, columns] = ['JSONEachRow', structure(job.columns)];
    expression = (c) => c.path.map(identifier).join('.');
    Object.assign(settings, {
      date_time_input_format: literal('best_effort'),
      input_format_json_read_objects_as_strings: 1,
      input_format_skip_unknown_fields: 1,
      input_format_json_ignore_unknown_keys_in_named_tuple: 1,
      input_format_json_defaults_for_missing_elements_in_named_tuple: 1,
    });
  } else {
    const types = Array.from({ length: job.width }, (_, i) => {
      const c = job.columns.find((c) => c.at === i);
      return `c${i} ${c ? type(c) : 'String'}`;
    });
    [format, columns] = ['CSV', types.join(', ')];
    expression = (c) => `c${c.at}`;
    Object.assign(settings, {
      input_format_csv_skip_first_lines: 1,
      format_csv_delimiter: literal(job.comma),
      format_csv_null_representation: literal(''),
    });
    const flag = job.columns.find((c) => c.kind === 'bool');
    if (flag) {
      Object.assign(settings, { bool_true_representation: literal(flag.true), bool_false_representation: literal(flag.false) });
    }
  }
  const selected = job.columns.map((c) => `${expression(c)} AS ${identifier(c.name)}`).join(', ');
  const options = Object.entries(settings).map(([name, value]) => `${name} = ${value}`).join(', ');
  chdb.query(`SELECT ${selected} FROM file(${literal(job.input)}, ${format}, ${literal(columns)}) ` +
    `INTO OUTFILE ${literal(job.output)} TRUNCATE FORMAT Parquet SETTINGS ${options}`);
}
