import { assert, assertEquals } from "@std/assert";
import { slowPattern } from "../../src/text/regex_check.ts";

/** The patterns of tokenizers that are in use: GPT-2, GPT-4, o200k, BLOOM, DeepSeek, Qwen. */
const KNOWN = [
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String
    .raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String
    .raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw` ?[^(\s|[.,!?…。，、।۔،])]+`,
  String.raw`[0-9][0-9][0-9]`,
  String.raw`\s`,
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+`,
  " {2,}",
];

const HOSTILE = [
  "(a+)+b",
  "(a*)*b",
  "(?:a|a)+b",
  "(a|aa)+$",
  "((a+)b?)*c",
  "(.*a){20,}",
  "(a{1,9})+b",
  "a*a*a*a*b",
  "\\s*\\s*\\s*\\s*x",
  "(a)\\1",
  "(?:[ab]+)*c",
  "a*a*b",
  "a*(?!\\w*b)",
  "(?:.+|b){0,5}c",
  "a*(?:a*b)",
  "(?:a|b*)a*c",
  "\\s+\\s+(?!\\S)",
  "(a?){40}b",
];

Deno.test("slowPattern() passes what tokenizers have and refuses what could take for ever", () => {
  for (const pattern of KNOWN) assertEquals(slowPattern(pattern), undefined, pattern);
  for (const pattern of HOSTILE) assert(slowPattern(pattern) !== undefined, pattern);
});
