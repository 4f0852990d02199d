// Does a job (see rival/job.go) with Polars, on as many threads as POLARS_MAX_THREADS says. Standard input: the job as JSON, or
// null to print the version.
import { readFileSync } from 'node:fs';
import pl from 'nodejs-polars';

// The type that a column is read with; one that the reader does not know is made of a text afterwards.
function type(c, ndjson) {
  switch (c.kind) {
    case 'bool': return ndjson ? pl.Bool : pl.String;
    case 'int64': return pl.Int64;
    case 'float64': return pl.Float64;
    case 'decimal': return pl.Decimal(c.precision, c.scale);
    case 'string': case 'json': case 'timestamp': return pl.String;
  }
  throw new Error(`column ${c.name}: kind ${c.kind} is not one that the inputs have`);
}

// The value of a column from what was read. A timestamp as the type of a column of CSV takes three times as long.
function value(c, ndjson, x) {
  if (c.kind === 'timestamp') {
    const text = c.utc ? '%Y-%m-%dT%H:%M:%SZ' : '%Y-%m-%d %H:%M:%S';
    x = x.str.strptime(pl.Datetime('ms'), text).cast(pl.Datetime('us', c.utc ? 'UTC' : null));
  } else if (c.kind === 'bool' && !ndjson) {
    x = pl.when(x.eq(pl.lit(c.true))).then(pl.lit(true)).when(x.eq(pl.lit(c.false))).then(pl.lit(false))
      .otherwise(pl.lit(null));
  }
  return x.alias(c.name);
}

// The objects that columns are read from, as structs.
function structure(columns) {
  const members = (list, depth) => {
    const out = {};
    for (const c of list) {
      const key = c.path[depth];
      out[key] ??= c.path.length === depth + 1 ? type(c, true)
        : pl.Struct(Object.entries(members(list.filter((o) => o.path[depth] === key), depth + 1))
          .map(([name, t]) => new pl.Field(name, t)));
    }
    return out;
  };
  return members(columns, 0);
}

const job = JSON.parse(readFileSync(0, 'utf8'));
if (job === null) {
  process.stdout.write(pl.version);
} else {
  let frame, column;
  if (job.ndjson) {
    frame = pl.scanJson(job.input, { schema: structure(job.columns) });
    column = (c) => c.path.slice(1).reduce((x, key) => x.struct.field(key), pl.col(c.path[0]));
  } else {
    const schema = {};
    for (let i = 0; i < job.width; i++) {
      const c = job.columns.find((c) => c.at === i);
      schema[`c${i}`] = c ? type(c, false) : pl.String;
    }
    frame = pl.scanCSV(job.input, { schema, hasHeader: true, sep: job.comma, nullValues: '' });
    column = (c) => pl.col(`c${c.at}`);
  }
  frame.select(...job.columns.map((c) => value(c, job.ndjson, column(c))))
    .sinkParquet(job.output, { compression: 'zstd' }).collectSync();
}
