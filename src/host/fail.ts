/**
 * Reports what is wrong with a file: throws an error that names the file and the problem, which
 * completes a sentence. Parsers take it as an argument, so that each can stay ignorant of whose
 * file it reads.
 */
export type Fail = (problem: string) => never;
