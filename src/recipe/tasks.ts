/** What a classifier or regressor of sequences can predict. src/task has a row for each. */

/** One of several classes, any number of labels, or numbers. */
export type TaskKind = 'class' | 'labels' | 'numbers';
