// Package contract is all that the infrastructure and the data plane share: environment variables, messages, the
// certificate, key layouts and the ledger's key schema. It imports the standard library only.
//
// Infrastructure fills these types with Pulumi outputs and the data plane reads them back, so a setting exists in
// one declaration and a forgotten one fails at preview with its name.
package contract

// Version is the format version that every message and certificate carries. A reader refuses a version above its
// own; fields are only ever added within a version.
const Version = 1
