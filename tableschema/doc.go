// Package tableschema reads Frictionless Table Schemas and casts the values that they describe.
//
// # What is enforced
//
// Types, formats, missingValues, required, enum, categories, pattern, minimum, maximum, exclusiveMinimum,
// exclusiveMaximum, minLength, maxLength and fieldsMatch are enforced on every record. The fields of primaryKey
// are required, as the specification says.
//
// Rules that span records are accepted and not enforced, because the pieces of an input are read independently
// of each other: constraints.unique, uniqueKeys, foreignKeys and the uniqueness half of primaryKey.
// [Schema.Unenforced] lists those that a schema states. Rules that concern one value and that this package does not
// know are errors of [Parse]: a silently skipped rule is worse than none. Descriptive properties
// (title, description, example, rdfType, ...) are ignored, whatever they hold.
//
// # Lexical forms
//
// Spaces and tabs around numbers, dates and times are ignored. Further:
//
//   - integer: any number whose value is whole ("7", "+7", "007", "7.0", "7e2") and fits 64 bits.
//   - number: XML Schema decimals with an optional exponent, and NaN, INF, Infinity in any case with a sign.
//     A finite number beyond the range of a double is an error.
//   - groupChar: 1 to 3 digits, then groups of exactly three, before the point; no groups at all is right too. A
//     first group that begins with 0 has three digits.
//
// - bareNumber false: a unit before or behind the number is ignored. A minus in any of its forms (hyphen, U+2212,
// dashes)
//
//	  or a plus stands at the start or right before the digits; one pair of parentheses around the number is a minus.
//	  A unit is made of letters, currency signs, blanks and the marks % ‰ ° . , : ; / * # & @ ! ? and quotes. What may
//	  change the sign or the value is an error: a second sign, one behind the number, other brackets, digits of other
//	  scripts, signs such as < and ~, separators next to the digits, and words such as minus, CR, DR, k and million.
//	- boolean: exactly trueValues and falseValues.
//	- date: yyyy-mm-dd, a day of the calendar. datetime: date, 'T' or a space, hh:mm[:ss[.fraction]], then nothing,
//	  'Z' or an offset (+hh, +hhmm, +hh:mm). time: hh:mm[:ss[.fraction]]. Fractions are cut after microseconds.
//	  Hour 24 and second 60 are errors.
//	- format "any" of date, datetime and time: the default form or one of those that [Field.Cast] lists.
//	  Zone names are those of RFC 822 (UT, GMT, EST, EDT, CST, CDT, MST, MDT, PST, PDT), UTC and Z, in any case; others
//	  are errors, and so are its military letters, which RFC 2822 has readers take as unknown.
//	- other formats of date, datetime and time are strptime patterns.
//	- pattern: RE2 syntax (the part of XML Schema's that has no \i, \c and no class subtraction), always anchored.
//
// # Extensions
//
// Four properties of a field are this package's own:
//
//   - "decimal": {"precision": 18, "scale": 2} on a number keeps it exact, with at most 18 digits. A value with more
//     digits after the point than the scale, other than zeros, is an error: nothing is rounded.
//   - "grouping": "indian" on a number or integer with a groupChar: the last three digits and pairs before them
//     (12,34,567). Without it groups are of three digits.
//   - "path": "actor.id" on any field is where NDJSON records hold it: object keys joined by dots. Without it the
//     field's name is one key, dots and all.
//   - "timezone": "UTC" on a datetime makes its values instants: a value without an offset is taken as UTC.
//     Without it values are local times, and a value with an offset is converted to UTC.
package tableschema
