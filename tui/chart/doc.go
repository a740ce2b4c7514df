// Package chart draws small time series for a terminal: the values of a canary and of its primary
// against the limits they are judged by.
//
// Everything is a pure function of data, size and options. [Render] returns exactly as many lines as
// it was given rows, each exactly as wide as it was given columns, for any size (0×0 included) and
// any values: NaN is a gap, infinities stick to the edge, and no number of samples is too many.
//
// With less room the drawing says less, in three stages: a chart with axes, a sparkline, a number.
//
// Canary and primary differ by glyph as well as by colour: the canary is a joined line, the primary
// a row of single dots. Points that failed their check carry a cross.
package chart
